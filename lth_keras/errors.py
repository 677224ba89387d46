"""What went wrong, in one line for the user; imports nothing."""

from __future__ import annotations

import operator
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


class DivergedError(LotteryError):
    """The training loss became NaN; what was finished before stays."""
