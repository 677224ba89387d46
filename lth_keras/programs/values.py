"""The values of flags: how each is read from text, what is allowed, how it is written.

flags.DEFINE(whole(1), "levels", 5, "Number of rounds.", known, Serializer())
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from absl import flags


class Value(flags.ArgumentParser):
    """The parser of one flag's value, which says what is allowed.

    Args:
        convert: text -> value; a ValueError means that it cannot.
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
        except ValueError:
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
    """A whole number in a range."""
    end = math.inf if most is None else most
    text = f"{least} or more" if most is None else f"{least} to {most}"
    return Value(int, lambda n: least <= n <= end, f"use a whole number, {text}")


def real(allowed: Callable[[float], bool], text: str) -> Value:
    """A number, of which `text` says what is allowed."""
    return Value(float, allowed, text)


def split(text: str) -> list[str]:
    """The parts between commas."""
    return [part.strip() for part in text.split(",")]
