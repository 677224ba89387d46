"""The registered granularities, each by a name or by a pattern of texts.

@granularity.register("block", r"block:(\\d+)x(\\d+)", example="block:4x4")
class Block(granularity.Granularity): ...
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from lth_keras.arguments import switch
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.granularities.unit import Granularity
from lth_keras.pruning.registries import Registry


class Kind(NamedTuple):
    """A registered granularity.

    Attributes:
        made: the class.
        pattern: of the texts that ask for it.
        example: one of these texts.
    """

    made: type[Granularity]
    pattern: re.Pattern[str]
    example: str


class _Registry(Registry[Kind]):
    def asked_by(self, name: str) -> str:
        return self.entries[name].example


REGISTRY: Registry[Kind] = _Registry("granularity")


def register(
    name: str,
    pattern: str | None = None,
    *,
    example: str | None = None,
    replace: bool = False,
) -> Callable[[type[Granularity]], type[Granularity]]:
    """Registers a subclass of `Granularity` under a name, or a pattern of texts.

    Args:
        name: what `wrap(granularity=...)` is given, such as "filter": letters, digits
            and underscores.
        pattern: regular expression of what is given instead, such as
            ``r"block:(\\d+)x(\\d+)"``; its groups go to the constructor.
        example: a text that the pattern takes, such as "block:4x4", for errors; the
            name by default.
        replace: whether a granularity of that name may be replaced.

    Raises:
        LotteryError: the name is taken or none, the pattern is none, takes texts of
            another granularity or has other groups than the constructor has
            arguments, or what is registered is no granularity.
    """
    REGISTRY.check_name(name)
    replace = switch("replace", replace)
    about = f"granularity {name!r}"
    try:
        compiled = re.compile(re.escape(name) if pattern is None else pattern)
    except (re.error, TypeError) as error:
        raise LotteryError(
            f"{about}: pattern={shown(pattern)} is no regular expression ({error})."
        ) from None
    asked = name if example is None else example
    if not isinstance(asked, str) or not compiled.fullmatch(asked):
        raise LotteryError(
            f"{about}: its pattern {compiled.pattern!r} does not take {shown(asked)}: "
            "pass example=, a text that it takes."
        )
    for other, kind in REGISTRY.entries.items():
        both = compiled.fullmatch(kind.example) or compiled.fullmatch(other)
        if other != name and (both or kind.pattern.fullmatch(asked)):
            raise LotteryError(
                f"{about}: its pattern {compiled.pattern!r} and that of {other!r}, "
                f"{kind.pattern.pattern!r}, take the same text: begin it with "
                f"'{name}:'."
            )

    def add(made: type[Granularity]) -> type[Granularity]:
        if not (isinstance(made, type) and issubclass(made, Granularity)):
            raise LotteryError(
                f"{about} is {shown(made)}: register a subclass of Granularity."
            )
        try:
            inspect.signature(made).bind(*[""] * compiled.groups)
        except TypeError:
            raise LotteryError(
                f"{about}: its pattern has {compiled.groups} groups, and its "
                f"constructor takes {inspect.signature(made)}: give it one argument a "
                "group."
            ) from None
        REGISTRY.add(name, Kind(made, compiled, asked), replace)
        return made

    return add


def names() -> tuple[str, ...]:
    """The registered granularities, in alphabetical order."""
    return REGISTRY.names()


def get(text: Any) -> Granularity:
    """The granularity that `text` names, with its parameters.

    Raises:
        LotteryError: no such granularity.
    """
    for made, pattern, _ in REGISTRY.entries.values():
        found = pattern.fullmatch(text) if isinstance(text, str) else None
        if found:
            return made(*found.groups())
    raise REGISTRY.unknown(f"granularity={shown(text)}")


register("weight")(Granularity)
