"""One process at a time in a directory, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator

from lth_keras.errors import LotteryError
from lth_keras.storage import files, opening, paths, remote


@contextlib.contextmanager
def lock(directory: paths.PathLike) -> Iterator[None]:
    """Holds a directory for this process; the directory is created on demand.

    The kernel frees a local lock when its holder ends, however it ends, so the lock
    file itself stays and means nothing. A child made by ``fork`` (not ``spawn``)
    shares the lock and, if its parent is killed, keeps it until it ends too.

    On a remote file system the lock is an object that a killed process leaves behind
    (the error says which one to remove), and two processes that start within the
    same moment may both get it.

    Raises:
        LotteryError: if another process, or another block of this one, holds it.
    """
    directory = paths.as_path(directory)
    paths.make_directory(directory)
    hold = _remote_lock if paths.is_remote(directory) else _local_lock
    with hold(directory):
        yield


def lock_file(directory: paths.PathLike) -> str:
    """The file by which `lock` holds a directory."""
    return paths.join(directory, "lock")


@contextlib.contextmanager
def _local_lock(directory: str) -> Iterator[None]:
    path = lock_file(directory)
    # A link would have its target overwritten.
    opening.check_writable_in_place(path)
    with paths.errors_naming(path, "lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            with paths.errors_naming(path, "lock"):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, _holder().encode())
        except LotteryError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            holder = os.pread(descriptor, 300, 0).decode(errors="replace").strip()
            raise LotteryError(
                f"{directory} is in use by {holder or 'another process'}; wait until "
                "it ends or choose another directory"
            ) from None
        try:
            yield
        finally:
            # Closing alone would leave the lock with a forked child.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _remote_lock(directory: str) -> Iterator[None]:
    path = lock_file(directory)
    mark = f"{_holder()} ({secrets.token_hex(4)})"
    if not paths.exists(path):
        files.write_bytes(path, mark.encode())
    holder = files.read_bytes(path).decode(errors="replace").strip()
    if holder != mark:
        raise LotteryError(
            f"{directory} is in use by {holder}; wait until it ends or, if it was "
            f"killed, remove {path}"
        )
    try:
        yield
    finally:
        with paths.errors_naming(path, "remove"):
            remote.gfile().remove(path)


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
