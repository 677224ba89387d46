"""What went wrong, in one line for the user; imports nothing."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Any


class LotteryError(ValueError):
    """A request that cannot be carried out; the message says what to do."""


def check_count(name: str, value: Any, least: int, meaning: str) -> int:
    """`value` as an int.

    Raises:
        LotteryError: it is not an integer of at least `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise LotteryError(f"{name}={value!r}: give {meaning}, {least} or more.")
    return number


def check_name(what: str, name: Any, made: Any, taken: Mapping[str, Any]) -> None:
    """Refuses a name that cannot be registered.

    One's own may be registered again when it is defined again, as when a notebook's
    cell is run once more.

    Args:
        what: what is registered, for the error.
        name: letters, digits and underscores.
        made: the function or class that is registered.
        taken: those that are registered under each name.

    Raises:
        LotteryError: the name is taken, or none.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise LotteryError(
            f"{what} name {name!r}: use letters, digits and underscores, and begin "
            "with a letter."
        )
    if name in taken and _source(taken[name]) != _source(made):
        raise LotteryError(
            f"{what} name {name!r} is taken: choose another, or pass replace=True."
        )


def _source(made: Any) -> tuple[Any, Any]:
    return getattr(made, "__module__", None), getattr(made, "__qualname__", None)


class DivergedError(LotteryError):
    """The training loss became NaN; what was finished before stays."""
