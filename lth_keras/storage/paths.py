"""Paths, local or remote: joined, listed, made, removed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import posixpath
import re
import shutil
from collections.abc import Iterator
from typing import Union

from lth_keras.arguments import unusable
from lth_keras.errors import LotteryError, shown
from lth_keras.storage import remote, sharing

PathLike = Union[str, "os.PathLike[str]"]


# Starts the name of everything unfinished; clean_leftovers removes nothing else.
TEMPORARY_PREFIX = ".lth-partial-"


def as_path(path: PathLike, name: str = "path") -> str:
    """The path as a string.

    Args:
        path: of a file or a directory, local or remote.
        name: of the argument that it was given by.

    Raises:
        LotteryError: if it is none, empty, holds what no file name can or text that
            is no UTF-8, or is a remote path that went through ``pathlib``, which turns
            ``gs://bucket`` into the local ``gs:/bucket``.
    """
    try:
        text = os.fspath(path)
    except Exception:  # Whatever a path of another class raises.
        text = None
    if not isinstance(text, str):
        raise LotteryError(
            f"{name}={shown(path)} is a {type(path).__name__}: pass text or a "
            "pathlib.Path."
        )
    if not text:
        raise LotteryError("the path is empty: pass a directory or a file name")
    if reason := unusable(text):
        raise LotteryError(f"{name}={shown(text)} {reason}: pass another path.")
    if isinstance(path, pathlib.PurePath) and re.match(r"[A-Za-z]\w+:/", text):
        raise LotteryError(
            f"path {text}: pathlib removed a slash of '://'; pass a remote path as str"
        )
    return text


def is_remote(path: PathLike) -> bool:
    """Whether the path goes through ``tf.io.gfile``: whether it contains ``://``."""
    return "://" in as_path(path)


def join(path: PathLike, *parts: str) -> str:
    """The path with the parts below it."""
    return (posixpath if is_remote(path) else os.path).join(as_path(path), *parts)


def split(path: PathLike) -> tuple[str, str]:
    """The directory that a path is in, and its own name there."""
    path = as_path(path)
    if is_remote(path):
        folder, _, name = path.rstrip("/").rpartition("/")
        return folder, name
    return os.path.split(os.path.abspath(path))


def exists(path: PathLike) -> bool:
    """Whether a file or a directory has this path."""
    path = as_path(path)
    return sharing.seen_by_chief(lambda: _exists(path), path)


def _exists(path: str) -> bool:
    with errors_naming(path, "read"):
        if is_remote(path):
            return bool(remote.gfile().exists(path))
        return os.path.exists(path)


def list_directory(path: PathLike) -> list[str]:
    """Sorted names in a directory, leftovers of a killed run excepted.

    A directory that does not exist has none.
    """
    path = as_path(path)
    return sharing.chiefs(lambda: _listed(path))


def _listed(path: str) -> list[str]:
    with errors_naming(path, "list"):
        if is_remote(path):
            # Object stores end the names of directories with a slash.
            found = remote.gfile().listdir(path) if remote.gfile().isdir(path) else []
            names = [name.rstrip("/") for name in found]
        else:
            names = os.listdir(path) if os.path.lexists(path) else []
    return sorted(n for n in names if n and not n.startswith(TEMPORARY_PREFIX))


@sharing.by_chief
def make_directory(path: PathLike) -> None:
    """Creates a directory and its parents; nothing happens if it exists.

    Raises:
        LotteryError: if it cannot be created.
    """
    path = as_path(path)
    with errors_naming(path, "create directory"):
        if is_remote(path):
            remote.gfile().makedirs(path)
            return
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise LotteryError(
                f"cannot create directory {path}: {error.filename} is a file, or lies "
                "below one; remove it or choose another directory"
            ) from error


def is_directory(path: PathLike) -> bool:
    """Whether a remote directory has this path."""
    path = as_path(path)
    with errors_naming(path, "read"):
        return bool(remote.gfile().isdir(path))


def check_directory(path: PathLike, name: str) -> None:
    """Refuses a path where no directory is or can be made.

    Args:
        path: of a directory to write into; nothing is made here.
        name: of the argument that it was given by.

    Raises:
        LotteryError: it, or what it lies below, is a file, or must not be written.
    """
    path = as_path(path, name)
    if is_remote(path):
        with errors_naming(path, "read"):
            if remote.gfile().exists(path) and not remote.gfile().isdir(path):
                raise LotteryError(f"{name}={path} is a file: name a directory.")
        return
    place = os.path.abspath(path)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise LotteryError(
            f"{name}={path}: {place} is no directory; remove it or name another."
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise LotteryError(
            f"{name}={path}: {place} must not be written; name another directory."
        )


@sharing.by_chief
def remove_directory(path: PathLike) -> None:
    """Removes a directory and everything in it; nothing happens if there is none."""
    path = as_path(path)
    with errors_naming(path, "remove"):
        if exists(path):
            remove(path)


@contextlib.contextmanager
def errors_naming(path: str, act: str) -> Iterator[None]:
    """Turns what the file system refuses into one line that names the path.

    Args:
        path: what the block works on.
        act: the verb of "cannot write PATH: No space left on device".

    Raises:
        LotteryError: for an OSError or a tf.errors.OpError of the block.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise LotteryError(f"cannot {act} {path}: {reason}") from error
    except Exception as error:
        if not remote.is_error(error):
            raise
        if remote.is_unknown_scheme(error):
            scheme = path.partition("://")[0]
            raise LotteryError(
                f"cannot {act} {path}: TensorFlow has no file system of {scheme}://: "
                "use gs://, or a local directory, as one that it is mounted on."
            ) from error
        message = getattr(error, "message", "") or type(error).__name__
        reason = _clean(message.splitlines()[0])
        raise LotteryError(f"cannot {act} {path}: {reason}") from error


def remove(path: str) -> None:
    """Removes a file, a symbolic link, or a directory and everything in it.

    Raises:
        OSError, tf.errors.OpError: if it cannot; see `errors_naming`.
    """
    if is_remote(path):
        gfile = remote.gfile()
        act = gfile.rmtree if gfile.isdir(path) else gfile.remove
    else:
        tree = os.path.isdir(path) and not os.path.islink(path)
        act = shutil.rmtree if tree else os.unlink
    act(path)


def _clean(reason: str) -> str:
    """What TensorFlow says of an error, without its operations and our temporaries."""
    reason = re.sub(r"\{\{.*?\}\} *", "", reason)
    reason = re.sub(r" *\[Op:\w+\].*", "", reason)
    place, _, rest = reason.rpartition("; ")
    return rest if TEMPORARY_PREFIX in place else reason
