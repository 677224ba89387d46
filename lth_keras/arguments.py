"""Is an argument what it may be? Counts, numbers, switches, names, lists, functions.

    levels = arguments.count("levels", levels, 0, "a number of rounds", MOST_LEVELS)
    overwrite = arguments.switch("overwrite", overwrite)

Every public call asks here first, so that whatever it is given is used or refused in
one line. Paths are asked by `storage.as_path`, rates by `pruning.counts.check_rate`.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from lth_keras.errors import LotteryError, shown

# A job beyond these would fill a disk before it ended; what is asked for is most
# likely a slip of the hand, and its tasks alone would fill the memory.
MOST_LEVELS = 10_000
MOST_RUNS = 100_000
MOST_WORKERS = 1_000
MOST_CHILDREN = 100  # networks of one start, a line for each pair
MOST_ALPHAS = 10_001  # places on a line
# What fits the integers of NumPy and TensorFlow, and of every file of ours.
MOST = 2**63 - 1


def count(
    name: str, value: Any, least: int, meaning: str, most: int | None = None
) -> int:
    """`value` as an int.

    Args:
        name: of the argument.
        value: what was given: a whole number of any library, but no True or False.
        least: the smallest that is allowed.
        meaning: what to give, as "a number of rounds".
        most: the largest that is allowed; what fits 64 bits by default.

    Raises:
        LotteryError: it is no integer from `least` to `most`.
    """
    try:
        number = least - 1 if _is_bool(value) else operator.index(value)
    except Exception:  # Whatever a class of its own raises.
        number = least - 1
    if not least <= number <= (MOST if most is None else most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise LotteryError(f"{name}={shown(value)}: give {meaning}, {span}.")
    return number


def number(value: Any) -> float:
    """`value` as a float; NaN where it is no real number, or larger than any float."""
    if isinstance(value, (str, bytes, bytearray)) or _is_bool(value):
        return math.nan
    try:
        return float(value)
    except Exception:  # Whatever a class of its own raises.
        return math.nan


def switch(name: str, value: Any) -> bool:
    """`value` as a bool.

    Raises:
        LotteryError: it is neither True nor False.
    """
    if not is_switch(value):
        raise LotteryError(f"{name}={shown(value)}: use True or False.")
    return bool(value)


def is_switch(value: Any) -> bool:
    """Whether a value is True or False, of any library, or the same as 1 or 0."""
    return _is_bool(value) or (type(value) is int and value in (0, 1))


def switches(**given: Any) -> None:
    """Refuses arguments that are neither True nor False; see `switch`."""
    for name, value in given.items():
        switch(name, value)


def among(value: Any, allowed: Iterable[Any]) -> bool:
    """Whether a value is one of some; arrays, which `in` chokes on, are none."""
    return any(isinstance(value, type(one)) and value == one for one in allowed)


def text(name: str, value: Any, meaning: str) -> str:
    """`value`, which is text and not empty.

    Raises:
        LotteryError: it is not.
    """
    if not isinstance(value, str) or not value:
        raise LotteryError(f"{name}={shown(value)}: give {meaning}, as text.")
    return value


def listed(name: str, value: Any, meaning: str, most: int = MOST_RUNS) -> list[Any]:
    """The items of `value`, which are read once.

    Args:
        name: of the argument.
        value: a list, tuple, range, array, generator, but no text.
        meaning: what to give, as "a list of levels, such as [3, 7]".
        most: as many items are allowed; a generator without an end is refused.

    Raises:
        LotteryError: it is none, or too long.
    """
    found = None
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray)):
        try:
            found = list(itertools.islice(value, most + 1))
        except Exception:  # An array without a dimension, or what a class raises.
            found = None
    if found is None:
        raise LotteryError(f"{name}={shown(value)}: give {meaning}.")
    if len(found) > most:
        raise LotteryError(
            f"{name}={shown(value)} has more than {most} items: give {meaning}."
        )
    return found


def instance(
    name: str, value: Any, kinds: type | tuple[type, ...], meaning: str
) -> Any:
    """`value`, which is of one of some classes.

    Raises:
        LotteryError: it is not.
    """
    if not isinstance(value, kinds):
        raise LotteryError(f"{name}={shown(value)}: give {meaning}.")
    return value


def function(name: str, value: Any, form: str, given: Sequence[Any]) -> Any:
    """`value`, which can be called with some arguments.

    Args:
        name: of the argument.
        value: a function, or an object that is called like one.
        form: how to write it, as "f(layer) -> rate".
        given: examples of its arguments; only their number counts.

    Raises:
        LotteryError: it cannot.
    """
    if not callable(value) or isinstance(value, type):
        raise LotteryError(f"{name}={shown(value)} is no function: write {form}.")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # A builtin that does not tell.
        return value
    try:
        signature.bind(*given)
    except TypeError:
        raise LotteryError(
            f"{name}={shown(value)} takes {signature}: write {form}."
        ) from None
    return value


def unusable(text: str) -> str:
    """Why a text can be no name of a file and no value of a flag; empty if it can."""
    if "\0" in text:
        return "holds a NUL, which no file name has"
    # What was no UTF-8 on the command line. Reports and TensorFlow's files are.
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "is no text in UTF-8"
    return ""


def _is_bool(value: Any) -> bool:
    # NumPy's own has either name, by version.
    return type(value).__name__ in ("bool", "bool_")
