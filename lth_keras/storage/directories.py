"""Directories that appear complete or not at all, and that one process holds.

What a killed run leaves behind has a name of its own, and is cleaned by that name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator

import tensorflow as tf

from lth_keras.compat import LotteryError
from lth_keras.storage import files


@contextlib.contextmanager
def atomic_directory(path: files.PathLike, overwrite: bool = False) -> Iterator[str]:
    """Fills a directory that appears complete or not at all.

    Yields a new sibling directory. When the block ends, everything in it is flushed
    to the disk and it takes the name ``path``; when the block raises, it is removed.
    Overwriting takes two renames: in the instant between them ``path`` does not exist.

    A remote directory cannot be renamed atomically, so ``path`` itself is yielded:
    write the manifest last, and let readers take a directory without one for absent.

    Args:
        path: the directory to make; its parents are created on demand.
        overwrite: whether to replace a directory that is not empty, such as a killed
            run's incomplete one on a remote file system.

    Raises:
        LotteryError: if ``path`` is a file, or a directory that is not empty and
            ``overwrite`` is false, or it cannot be written.
    """
    path = files.as_path(path).rstrip("/")
    taken = bool(files.list_directory(path))
    if taken and not overwrite:
        raise LotteryError(_taken(path))
    if files.is_remote(path):
        files.remove_directory(path)
        files.make_directory(path)
        try:
            with files.errors_naming(path, "write"):
                yield path
        except BaseException:
            with contextlib.suppress(LotteryError):
                files.remove_directory(path)
            raise
        return
    parent = os.path.dirname(path)
    fresh = os.path.join(parent, files.temporary_name())
    try:
        with made(parent or "."), files.errors_naming(path, "write"):
            try:
                os.mkdir(fresh)
                yield fresh
                _flush_tree(fresh)
                _put_in_place(fresh, path, overwrite)
                files.flush_directory(parent or ".")
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    except LotteryError as error:
        # The user knows the directory by its final name only.
        if fresh not in str(error):
            raise
        raise LotteryError(str(error).replace(fresh, path)) from error


@contextlib.contextmanager
def made(directory: str) -> Iterator[None]:
    """Makes a local directory and its parents, for a block.

    Those that it made are removed again if the block raises and they are empty.

    Raises:
        LotteryError: if it cannot be created.
    """
    missing = []
    place = directory
    while place and not os.path.lexists(place):
        missing.append(place)
        place = os.path.dirname(place)
    try:
        files.make_directory(directory)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for place in missing:
                os.rmdir(place)
        raise


@contextlib.contextmanager
def lock(directory: files.PathLike) -> Iterator[None]:
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
    directory = files.as_path(directory)
    files.make_directory(directory)
    hold = _remote_lock if files.is_remote(directory) else _local_lock
    with hold(directory):
        yield


def lock_file(directory: files.PathLike) -> str:
    """The file by which `lock` holds a directory."""
    return files.join(directory, "lock")


def clean_leftovers(directory: files.PathLike, recursive: bool = True) -> None:
    """Removes what killed runs left unfinished, and nothing else.

    Call it while holding the `lock` of the directory, and with ``recursive=False``
    where directories below may belong to other running processes.

    Args:
        directory: where to look; it need not exist.
        recursive: whether to look in the directories below it too. Symbolic links
            are not followed.
    """
    directory = files.as_path(directory)
    remote = files.is_remote(directory)
    with files.errors_naming(directory, "clean"):
        walk = tf.io.gfile.walk(directory) if remote else os.walk(directory)
        for top, folders, leaves in walk:
            for name in [*folders, *leaves]:
                if name.startswith(files.TEMPORARY_PREFIX):
                    files.remove(files.join(top, name))
            if not recursive:
                break
            folders[:] = [
                name for name in folders if not name.startswith(files.TEMPORARY_PREFIX)
            ]


def _flush_tree(directory: str) -> None:
    """Flushes every file and directory to the disk, whoever wrote it."""
    for top, _, names in os.walk(directory, topdown=False):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                os.fsync(file.fileno())
        files.flush_directory(top)


def _put_in_place(fresh: str, path: str, overwrite: bool) -> None:
    """Renames a directory; one that has appeared in its place stays or is replaced.

    Without `overwrite` that is one step, so of several processes that fill a directory
    of one name, one does.

    Raises:
        LotteryError: the place is taken and not to be overwritten.
    """
    try:
        os.rename(fresh, path)  # Also onto an empty directory.
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    if not overwrite:
        raise LotteryError(_taken(path))
    # Only for one that is to be replaced: in between, the name is nobody's.
    retired = os.path.join(os.path.dirname(path), files.temporary_name())
    os.rename(path, retired)
    try:
        os.rename(fresh, path)
    except BaseException:
        os.rename(retired, path)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _taken(path: str) -> str:
    return (
        f"{path} exists and is not empty; remove it, choose another path or pass "
        "overwrite=True"
    )


@contextlib.contextmanager
def _local_lock(directory: str) -> Iterator[None]:
    path = lock_file(directory)
    with files.errors_naming(path, "lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            with files.errors_naming(path, "lock"):
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
    if not files.exists(path):
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
        with files.errors_naming(path, "remove"):
            tf.io.gfile.remove(path)


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
