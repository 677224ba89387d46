"""What a process does to files, counted; it can be made to end at one of these acts."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

_EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Acts:
    """Counts, from now on, what this process does to files in a directory.

    Args:
        directory: absolute path.
        last: the process is killed before this one of its acts, from 1; where it is a
            plain write, in the midst of it.
    """

    def __init__(self, directory: str, last: int | None = None):
        self._directory, self._last = directory, last
        self._began = time.monotonic()
        self.count = 0
        self.first: float | None = None  # seconds until the first act
        sys.addaudithook(self._see)
        # These have no event: a content that has no name yet, and a line added to one.
        self._fsync, self._write = os.fsync, os.write
        os.fsync, os.write = self._seen_fsync, self._seen_write

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS or (event == "open" and arguments[2] & _WRITES):
            path = arguments[0]
            if isinstance(path, (str, bytes)) and self._has(os.fsdecode(path)):
                if self._is_last():
                    _end()

    def _seen_fsync(self, descriptor: int) -> None:
        if self._has(_path(descriptor)) and self._is_last():
            _end()
        self._fsync(descriptor)

    def _seen_write(self, descriptor: int, data: bytes) -> int:
        if self._has(_path(descriptor)) and self._is_last():
            self._write(descriptor, data[: len(data) // 2])
            _end()
        return self._write(descriptor, data)

    def _has(self, path: str) -> bool:
        return path.startswith(self._directory)

    def _is_last(self) -> bool:
        self.count += 1
        if self.first is None:
            self.first = time.monotonic() - self._began
        return self.count == self._last


def _path(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
