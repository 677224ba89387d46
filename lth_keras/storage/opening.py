"""How is a file opened that somebody else may have written?

A run directory or a ticket from elsewhere is data. What is read of it is a regular
file whose size is looked at first: a link may lead anywhere, a pipe or a device never
ends, and a sparse file of terabytes costs its maker nothing.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import IO

from lth_keras.errors import LotteryError
from lth_keras.storage import paths, remote

# Neither follows a link nor waits for the other end of a pipe; Windows has neither.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextlib.contextmanager
def open_to_read(path: paths.PathLike, limit: int | None = None) -> Iterator[IO[bytes]]:
    """A regular file to read, and to seek in: a remote one is fetched whole.

    Args:
        path: the file itself; the directories above it may be links.
        limit: bytes that it may have, None for any number.

    Raises:
        LotteryError: if it is a link, a pipe or a device, is too large, or cannot be
            read, also where the block does so.
    """
    path = paths.as_path(path)
    with paths.errors_naming(path, "read"):
        if paths.is_remote(path):
            if limit is not None:
                _check_size(path, remote.gfile().stat(path).length, limit)
            with remote.gfile().GFile(path, "rb") as file:
                content = file.read()
            yield io.BytesIO(content)
            return
        check_regular(path, os.lstat(path).st_mode)
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            found = os.fstat(file.fileno())
            # Another may have taken its place meanwhile.
            check_regular(path, found.st_mode)
            if limit is not None:
                _check_size(path, found.st_size, limit)
            yield file


def check_regular(path: str, mode: int) -> None:
    """Refuses everything but a regular file, by the mode that `stat` gave.

    Raises:
        LotteryError: names what it is.
        IsADirectoryError: it is a directory.
    """
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise LotteryError(f"{path} is {kind_of(mode)}: put the regular file in its place.")


def kind_of(mode: int) -> str:
    """What a mode of `stat` is of, where it is neither a file nor a directory."""
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


def _check_size(path: str, size: int, limit: int) -> None:
    if size > limit:
        raise LotteryError(
            f"{path} has {size} bytes, and at most {limit} are right for it: it is "
            "damaged or another's; put the right file in its place."
        )
