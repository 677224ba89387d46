"""The standard output of a program, which may be closed, full, or of few letters.

    with output.checked():
        main(argv)              # prints

`lth-search | head` closes it, a full disk ends it, and some terminals know no letter
beyond ASCII.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


class OutputError(Exception):
    """What was to be printed cannot be; says why."""


class _Checked:
    """A stream that raises `OutputError`, and writes letters it has not as escapes."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            known = text.encode(error.encoding, "backslashreplace")
            return self.write(known.decode(error.encoding))
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from None
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from None


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """Lets what is printed within raise `OutputError` where it cannot be.

    What Python holds back is written before the block ends, not when Python does.
    """
    stream = sys.stdout
    if stream is None:  # Closed before Python began: nothing is printed at all.
        yield
        return
    own = _Checked(stream)
    try:
        with contextlib.redirect_stdout(own):
            yield
        own.flush()
    except OutputError:
        silence(stream)
        raise


def silence(stream: Any) -> None:
    """Throws away what a stream still holds, which Python would write when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
