"""The values of flags: how each is read from text, what is allowed, how it is written.

flags.DEFINE(whole(1), "levels", 5, "Number of rounds.", known, Serializer())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from absl import flags

# Steps and sizes beyond it are a slip of the hand; TensorFlow counts in 32 bits.
_MOST = 2**31 - 1


class Value(flags.ArgumentParser):
    """The parser of one flag's value, which says what is allowed.

    Args:
        convert: text -> value; a ValueError or an ArithmeticError means that it cannot.
        allowed: whether a converted value may be used.
        text: what is allowed, as "use ...".
    """

    def __init__(
        self, convert: Callable[[Any], Any], allowed: Callable[[Any], bool], text: str
    ):
        super().__init__()
        self._convert, self._allowed, self._text = convert, allowed, text

    def parse(self, argument: Any) -> Any:
        try:
            value = self._convert(argument)
        except (ArithmeticError, ValueError):
            raise ValueError(self._text) from None
        if not self._allowed(value):
            raise ValueError(self._text)
        return value


class Serializer(flags.ArgumentSerializer):
    """Writes a value as the command line has it."""

    def serialize(self, value: Any) -> str:
        return as_text(value)


def as_text(value: Any) -> str:
    """A flag's value as the command line has it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value)


TEXT = Value(str, bool, "use some text")


def one_of(names: Iterable[str]) -> Value:
    """One of some names."""
    known = tuple(names)
    return Value(str, lambda name: name in known, f"use one of {', '.join(known)}")


def whole(least: int, most: int | None = None) -> Value:
    """A whole number in a range, which ends at what fits 32 bits."""
    text = f"{least} or more (below 2**31)" if most is None else f"{least} to {most}"
    end = _MOST if most is None else most
    return Value(int, lambda n: least <= n <= end, f"use a whole number, {text}")


def numbers(text: str, least: int, most: int) -> tuple[int, ...]:
    """Whole numbers with commas between them, and spans of them: "0,3,6-9".

    Raises:
        ValueError: it is something else, or a number is not from `least` to `most`.
    """
    found: set[int] = set()
    for part in split(text):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last if dash else first)
        if not least <= low <= high <= most:
            raise ValueError(text)
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def real(allowed: Callable[[float], bool], text: str) -> Value:
    """A number, of which `text` says what is allowed."""
    return Value(float, allowed, text)


def split(text: str) -> list[str]:
    """The parts between commas."""
    return [part.strip() for part in text.split(",")]
