"""Errors that C++ code raises and prints too, kept from being printed.

with printed_once():
    converter.convert()
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_STANDARD_ERROR = 2
# There is one for all threads. If two redirected it, the later one to end would lead
# it to the file of the other.
_redirecting = threading.Lock()
# MLIR prints "PLACE: error: TEXT", and raises "<unknown>:0: error: PLACE: TEXT", the
# first one behind other text in its line.
_PRINTED, _RAISED = "error: ", re.compile(r"<unknown>:\d+: error: |\n")


@contextlib.contextmanager
def printed_once() -> Iterator[None]:
    """Takes the lines of the error that is raised from what is printed in here.

    What else the process writes to standard error in the meantime comes out at the
    end, whether there is an error or not; it is lost only if the process is killed in
    here. Nothing is held back without a standard error, without space for a temporary
    file, or while another thread does the same.
    """
    raised: set[str] = set()
    with _held_back(raised):
        try:
            yield
        except Exception as error:
            raised.update(line.strip() for line in _RAISED.split(str(error)))
            raise


def _held_back(unwanted: set[str]) -> contextlib.ExitStack:
    """A context in which standard error is a file, of which lines are printed then."""
    with contextlib.ExitStack() as stack:
        if not _redirecting.acquire(blocking=False):
            return contextlib.ExitStack()
        stack.callback(_redirecting.release)
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            original = os.dup(_STANDARD_ERROR)
        except OSError:
            return contextlib.ExitStack()
        stack.callback(os.close, original)
        stack.callback(_print, held, unwanted)
        stack.callback(os.dup2, original, _STANDARD_ERROR)
        _flush()
        os.dup2(held.fileno(), _STANDARD_ERROR)
        stack.callback(_flush)
        return stack.pop_all()


def _print(held: IO[bytes], unwanted: set[str]) -> None:
    held.seek(0)
    # Nobody may be listening any more.
    with (
        contextlib.suppress(OSError),
        open(_STANDARD_ERROR, "wb", closefd=False) as output,
    ):
        for line in held:
            text = line.decode(errors="replace").replace(_PRINTED, "", 1)
            if text.strip() not in unwanted:
                output.write(line)


def _flush() -> None:
    """Python's own text goes where standard error led when it was written."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
