"""One process at a time in a directory, and who holds it."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import filelock

from lth_keras.errors import LotteryError
from lth_keras.storage import files, leases, paths, sharing

# Windows lets nobody but the holder read the byte that is locked, the first.
_LOCKED_BYTE = b"\n"
_LONGEST_HOLDER = 200
# Seconds between two tries of who waits.
_LOOK = 0.1


class InUseError(LotteryError):
    """Another process, or another block of this one, holds a directory."""


@contextlib.contextmanager
def lock(directory: paths.PathLike, wait: float = 0) -> Iterator[None]:
    """Holds a directory for this process; the directory is created on demand.

    The system frees a local lock when its holder ends, however it ends, so the lock
    file itself stays and means nothing. A child made by ``fork`` (not ``spawn``)
    shares the lock and, if its parent is killed, keeps it until it ends too.

    On a remote file system it is a lease, which its holder renews: `leases` says how.
    That of a killed process is free after a minute and a half, for which is waited.

    Args:
        directory: what is held.
        wait: seconds to wait for whoever holds it for a moment.

    Raises:
        InUseError: if another process, or another block of this one, holds it.
        LotteryError: if what has the lock's name is no lock.
    """
    directory = paths.as_path(directory)
    paths.make_directory(directory)
    hold = _remote_lock if paths.is_remote(directory) else _local_lock
    with contextlib.ExitStack() as held:
        with sharing.together() as mine:
            if mine:
                held.enter_context(_waited_for(hold, directory, wait))
        yield


@contextlib.contextmanager
def _waited_for(
    hold: Callable[[str], AbstractContextManager[None]], directory: str, wait: float
) -> Iterator[None]:
    """Holds a directory, once whoever holds it for a moment lets go."""
    until = time.monotonic() + wait
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(hold(directory))
                break
            except InUseError:
                if time.monotonic() >= until:
                    raise
            time.sleep(_LOOK)
        yield


def lock_file(directory: paths.PathLike) -> str:
    """The file by which `lock` holds a directory."""
    return paths.join(directory, "lock")


@contextlib.contextmanager
def _local_lock(directory: str) -> Iterator[None]:
    path = lock_file(directory)
    if issubclass(filelock.FileLock, filelock.SoftFileLock):
        raise LotteryError(
            f"cannot lock {path}: this Python has no locks of files (fcntl), and a "
            "file that only exists would outlive a killed holder"
        )
    _check_own(path)
    held = filelock.FileLock(
        path,
        blocking=False,
        # The block may end in another thread than it began in.
        thread_local=False,
        fallback_to_soft=False,
        on_acquired=_sign,
    )
    with paths.errors_naming(path, "lock"):
        try:
            held.acquire()
        except filelock.Timeout:
            raise InUseError(
                f"{directory} is in use by {_signed(path) or 'another process'}; wait "
                "until it ends or choose another directory"
            ) from None
    try:
        yield
    finally:
        held.release()


def _check_own(path: str) -> None:
    """Refuses what a lock would be written through: a link, a pipe, a device."""
    with paths.errors_naming(path, "lock"):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise LotteryError(
            f"{path} is a link, or no regular file, and would be overwritten: remove "
            "it, or choose another directory"
        )


def _sign(descriptor: int) -> None:
    """Writes into the lock file, which is empty, who holds it."""
    os.write(descriptor, _LOCKED_BYTE + _holder().encode())


def _signed(path: str) -> str:
    """Who holds a lock file; "" where it does not say so."""
    text = b""
    for start in (0, len(_LOCKED_BYTE)):
        with contextlib.suppress(OSError), open(path, "rb", buffering=0) as file:
            file.seek(start)
            text = file.read(_LONGEST_HOLDER)
            break
    return " ".join(text.decode(errors="replace").split())


@contextlib.contextmanager
def _remote_lock(directory: str) -> Iterator[None]:
    path = lock_file(directory)
    if paths.exists(path) and not paths.is_directory(path):
        holder = files.read_bytes(path).decode(errors="replace").strip()
        raise InUseError(
            f"{directory} is in use by {holder} of an earlier version; wait until it "
            f"ends or, if it was killed, remove {path}"
        )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(leases.lease(directory, path, _holder()))
        except leases.HeldError as error:
            raise InUseError(
                f"{directory} is in use by {error if str(error) else 'another process'}"
                "; wait until it ends or choose another directory"
            ) from None
        yield


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
