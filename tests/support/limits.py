"""What a case may do: end in time, refuse in one line, touch nothing else."""

from __future__ import annotations

import contextlib
import pathlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from lth_keras.errors import LotteryError

_SECONDS = 20


class _TooLong(BaseException):
    """Not an Exception: nothing that is tried may catch it."""


@contextlib.contextmanager
def in_time(seconds: int = _SECONDS) -> Iterator[None]:
    """Ends a block that hangs."""

    def end(*_: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tried(act: Callable[[], Any]) -> Any:
    """What an act returns, or the LotteryError that it was refused with, which is sane.

    Raises:
        AssertionError: the refusal is not one line of a length that can be read.
        _TooLong: it hung.
    """
    try:
        with in_time():
            return act()
    except LotteryError as error:
        line = str(error)
        assert "\n" not in line and 0 < len(line) < 4_000, line
        return error


def outside_of(folder: pathlib.Path) -> pathlib.Path:
    """Makes what links lead to: a file, a directory, and leftovers in it."""
    place = folder / "outside"
    (place / "directory" / "ticket").mkdir(parents=True)
    (place / "file").write_text("precious")
    (place / "directory" / "result.json").write_text("{}")
    (place / "directory" / ".lth-partial-11").write_text("precious too")
    return place


def state(folder: pathlib.Path) -> dict[str, tuple[int, bytes]]:
    """Names, times and contents of everything below a directory."""
    return {
        str(p.relative_to(folder)): (
            p.lstat().st_mtime_ns,
            p.read_bytes() if p.is_file() else b"",
        )
        for p in sorted(folder.rglob("*"))
    }
