"""Several processes carry out one run together: one writes, all know what is there.

Each does the same acts in the same order. What is written is written by the chief
alone, and is there for all when the act returns; whether something exists is what the
chief sees, never what another's view of a network disk shows. An error of one is an
error of all. Outside of such a group everything here is as if it were not.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from lth_keras.errors import LotteryError

_VISIBLE_WITHIN = 120.0  # seconds; network disks show a new file within 60
_LOOKS_EVERY = 0.05  # seconds

_ERROR = "error: "  # which no JSON begins with

_T = TypeVar("_T")


class Group(abc.ABC):
    """The processes of a run, this one among them.

    Attributes:
        chief: whether this process is the one that writes.
    """

    chief: bool

    @abc.abstractmethod
    def exchange(self, text: str) -> list[str]:
        """What every process says, the chief first; returns when all have said it."""


class _State:
    """This process's part: its group, and whether it acts for itself right now."""

    group: Group | None = None
    alone = 0


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Takes part in a group for a block."""
    _State.group, _State.alone = group, 0
    try:
        yield
    finally:
        _State.group = None


def is_joined() -> bool:
    """Whether this process has taken part in a group."""
    return _State.group is not None


def writes() -> bool:
    """Whether this process writes: the chief, and whoever is in no group."""
    return _State.group is None or _State.group.chief


@contextlib.contextmanager
def together() -> Iterator[bool]:
    """An act of all: yields whether this process does it, and ends when it is done.

    Raises:
        LotteryError: what another process's part of it raised.
    """
    group = _State.group
    if group is None or _State.alone:
        yield writes()
        return
    said = ""
    try:
        _State.alone += 1
        try:
            yield group.chief
        finally:
            _State.alone -= 1
    except LotteryError as error:
        said = str(error)
        group.exchange(said)
        raise
    for other in group.exchange(said):
        if other:
            raise LotteryError(other)


def by_chief(function: Callable[..., None]) -> Callable[..., None]:
    """Lets the chief alone do what a function does, and all wait for it."""

    @functools.wraps(function)
    def wrapped(*given: Any, **named: Any) -> None:
        with together() as mine:
            if mine:
                function(*given, **named)

    return wrapped


def chiefs(find: Callable[[], _T]) -> _T:
    """What the chief finds, in every process.

    Args:
        find: f() -> plain data, as JSON has them; called by the chief alone.

    Raises:
        LotteryError: what the chief's call raised.
    """
    group = _State.group
    if group is None or _State.alone:
        return find()
    (text, *_) = group.exchange(_answer(find) if group.chief else "")
    if text.startswith(_ERROR):
        raise LotteryError(text.removeprefix(_ERROR))
    value: _T = json.loads(text)
    return value


def _answer(find: Callable[[], Any]) -> str:
    """What the chief finds, as JSON, or what it raised."""
    _State.alone += 1
    try:
        return json.dumps(find())
    except LotteryError as error:
        return f"{_ERROR}{error}"
    finally:
        _State.alone -= 1


def seen_by_chief(look: Callable[[], bool], path: str) -> bool:
    """Whether the chief sees a path; if so, this process sees it too on return.

    Args:
        look: f() -> whether this process sees it.
        path: for what is said.

    Raises:
        LotteryError: the chief sees it, and this process does not after two minutes.
    """
    if _State.group is None or _State.alone:
        return look()
    found = chiefs(look)
    end = time.monotonic() + _VISIBLE_WITHIN
    while found and not writes() and not look():
        if time.monotonic() > end:
            raise LotteryError(
                f"{path} was written by the chief and is not to be seen here: all "
                "workers need the same directory."
            )
        time.sleep(_LOOKS_EVERY)
    return found
