"""Directories that appear complete or not at all, and that one process holds.

What a killed run leaves behind has a name of its own, and is cleaned by that name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

from lth_keras.errors import LotteryError
from lth_keras.storage import files, leases, paths, remote, sharing


@contextlib.contextmanager
def atomic_directory(path: paths.PathLike, overwrite: bool = False) -> Iterator[str]:
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
    with sharing.together() as mine, _filled(path, overwrite, mine) as place:
        yield place


@contextlib.contextmanager
def _filled(path: paths.PathLike, overwrite: bool, mine: bool) -> Iterator[str]:
    path = paths.as_path(path).rstrip("/")
    if not mine:
        yield path
        return
    taken = bool(paths.list_directory(path))
    if taken and not overwrite:
        raise LotteryError(_taken(path))
    if paths.is_remote(path):
        leases.check(path)
        paths.remove_directory(path)
        paths.make_directory(path)
        try:
            with paths.errors_naming(path, "write"):
                yield path
        except BaseException:
            with contextlib.suppress(LotteryError):
                paths.remove_directory(path)
            raise
        return
    parent = os.path.dirname(path)
    fresh = os.path.join(parent, files.temporary_name())
    try:
        with made(parent or "."), paths.errors_naming(path, "write"):
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
        paths.make_directory(directory)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for place in missing:
                os.rmdir(place)
        raise


@sharing.by_chief
def clean_leftovers(directory: paths.PathLike, recursive: bool = True) -> None:
    """Removes what killed runs left unfinished, and nothing else.

    Call it while holding the `lock` of the directory, and with ``recursive=False``
    where directories below may belong to other running processes.

    Args:
        directory: where to look; it need not exist.
        recursive: whether to look in the directories below it too. Symbolic links
            are not followed.
    """
    directory = paths.as_path(directory)
    far = paths.is_remote(directory)
    with paths.errors_naming(directory, "clean"):
        walk = remote.gfile().walk(directory) if far else os.walk(directory)
        for top, folders, leaves in walk:
            for name in [*folders, *leaves]:
                if name.startswith(paths.TEMPORARY_PREFIX):
                    paths.remove(paths.join(top, name))
            if not recursive:
                break
            folders[:] = [
                name for name in folders if not name.startswith(paths.TEMPORARY_PREFIX)
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
