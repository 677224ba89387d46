"""Things by their names: criteria, granularities, controls, engines.

    REGISTRY: Registry[Criterion] = Registry("criterion")
    REGISTRY.add("magnitude", Criterion(magnitude, needs))
    REGISTRY.get("magnitude").function

A thing is a tuple whose first item is the function or class that was registered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from lth_keras.errors import LotteryError, shown

T = TypeVar("T", bound="tuple[Any, ...]")


class Registry(Generic[T]):
    """What is registered under each name.

    Args:
        kind: what these are, and the argument that they are asked for by.

    Attributes:
        kind: the same.
        entries: by name; to be changed through `add` and `update`.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self.entries: dict[str, T] = {}

    def check_name(self, name: Any) -> None:
        """Refuses what cannot be a name.

        Raises:
            LotteryError: says what can be.
        """
        known = isinstance(name, str)
        if not known or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise LotteryError(
                f"{self.kind} name {shown(name)}: use letters, digits and underscores, "
                "and begin with a letter."
            )

    def add(self, name: str, entry: T, replace: bool = False) -> None:
        """Registers an entry.

        One's own may be registered again when it is defined again, as when a
        notebook's cell is run once more.

        Args:
            name: letters, digits and underscores.
            entry: a tuple that begins with the function or class.
            replace: whether another of that name may be replaced.

        Raises:
            LotteryError: the name is taken, or none.
        """
        self.check_name(name)
        before = self.entries.get(name)
        if before is not None and not replace and not _same(before[0], entry[0]):
            raise LotteryError(
                f"{self.kind} name {name!r} is taken: choose another, or pass "
                "replace=True."
            )
        self.entries[name] = entry

    def update(self, entries: Mapping[str, T]) -> None:
        """Takes over what another process has registered, checked there."""
        self.entries.update(entries)

    def names(self) -> tuple[str, ...]:
        """The registered names, in alphabetical order."""
        return tuple(sorted(self.entries))

    def get(self, name: Any) -> T:
        """What is registered under a name.

        Raises:
            LotteryError: nothing is.
        """
        if not isinstance(name, str) or name not in self.entries:
            raise self.unknown(f"{self.kind}={shown(name)}")
        return self.entries[name]

    def unknown(self, asked: str) -> LotteryError:
        """What to say of a name that is not registered.

        Args:
            asked: how it was asked for, such as "criterion='size'".
        """
        known = ", ".join(self.asked_by(name) for name in self.names())
        return LotteryError(f"{asked} is not known: use one of {known}.")

    def asked_by(self, name: str) -> str:
        """What to write to get an entry: its name."""
        return name


def _same(one: Any, other: Any) -> bool:
    """Whether two functions or classes are one definition, read once or twice."""
    if one is other:
        return True
    first, second = (
        (getattr(made, "__module__", None), getattr(made, "__qualname__", None))
        for made in (one, other)
    )
    # Partial functions and other objects have no name of their own.
    if first != second or first[1] is None:
        return False
    codes = [getattr(made, "__code__", None) for made in (one, other)]
    if "<" not in first[1] or None in codes:
        return True
    # Lambdas and functions inside others share their names with their neighbours.
    held = any(m.__closure__ or m.__defaults__ for m in (one, other))
    return bool(codes[0] == codes[1]) and not held
