"""What comes of a call with anything for an argument: done, refused, or a fault."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from lth_keras.errors import LotteryError

# A refusal is read in a terminal: paths and values in it are cut, or are short.
LONGEST = 4_000


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        refused: the line of the `LotteryError`; empty where the call returned.
        fault: what is wrong, as "TypeError: ..."; empty where nothing is.
    """

    refused: str = ""
    fault: str = ""


class _Late(BaseException):
    """Nobody catches it but `outcome`."""


def outcome(call: Callable[[], Any], seconds: int = 60) -> Outcome:
    """Calls; what is raised must be a `LotteryError` of one line, in time.

    Only in the main thread, which alone gets signals.
    """

    def late(*_: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        call()
    except LotteryError as error:
        text = str(error)
        if "\n" in text or not text.strip() or len(text) > LONGEST:
            return Outcome(text, f"no line of a terminal: {text[:300]!r}")
        return Outcome(text)
    except _Late:
        return Outcome(fault=f"did not end in {seconds} seconds")
    except Exception as error:
        return Outcome(fault=f"{type(error).__name__}: {str(error)[:300]!r}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return Outcome()


def tree(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder, with the size and time of files."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.join(place, name)] = (0, 0)
        for name in files:
            about = os.lstat(os.path.join(place, name))
            found[os.path.join(place, name)] = about.st_size, about.st_mtime_ns
    return found
