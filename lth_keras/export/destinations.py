"""Where may an export be written, and how does it get there in one step?

Exports are local: the fresh process that verifies them cannot read a remote path.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

from lth_keras.errors import LotteryError
from lth_keras.storage import directories, files, paths

# What lies in the directory of a SavedModel; there may be any files in its assets.
_SAVED_MODEL = {
    "assets",
    "assets.extra",
    "debug",
    "fingerprint.pb",
    "keras_metadata.pb",
    "saved_model.pb",
    "saved_model.pbtxt",
    "variables",
}


def local_path(path: paths.PathLike) -> str:
    """The path as text; of a symbolic link, what it leads to.

    Raises:
        LotteryError: it is remote, or a link that leads to itself.
    """
    path = paths.as_path(path)
    if paths.is_remote(path):
        raise LotteryError(
            f"path {path} is remote, where a fresh process cannot verify an export: "
            "export to a local path, and copy it."
        )
    path = path.rstrip(os.sep) or path
    if not os.path.islink(path):
        return path
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise LotteryError(
            f"{path} is a link that leads to itself; choose another path"
        )
    return target


def check_saved_model(path: str, overwrite: bool) -> None:
    """Lets `overwrite` replace a SavedModel, and nothing else.

    Raises:
        LotteryError: something else lies there, or beside what a SavedModel has.
    """
    if not overwrite or not paths.exists(path):
        return
    names = paths.list_directory(path) if os.path.isdir(path) else ["(a file)"]
    if names and not {"saved_model.pb", "saved_model.pbtxt"} & {*names}:
        raise LotteryError(
            f"{path} is no SavedModel, so overwrite=True does not replace it; choose "
            "another path"
        )
    other = not_of_saved_model(path)
    if other:
        raise LotteryError(
            f"{os.path.join(path, other)} is no part of a SavedModel, so "
            "overwrite=True does not remove it: move it away, or choose another path"
        )


def not_of_saved_model(path: str) -> str | None:
    """A name in the directory `path` that no SavedModel has, if there is one."""
    for name in paths.list_directory(path):
        if name not in _SAVED_MODEL:
            return name
    variables = os.path.join(path, "variables")
    for name in paths.list_directory(variables):
        if not name.startswith("variables."):
            return os.path.join("variables", name)
    return None


def check_file(path: str, suffix: str, overwrite: bool) -> None:
    """Refuses a path where a file of this suffix must not be written.

    Raises:
        LotteryError: the suffix is another, or the path exists and is not to be
            overwritten.
    """
    if not path.endswith(suffix):
        raise LotteryError(f"path {path} must end with {suffix}: use {path}{suffix}.")
    if os.path.isdir(path):
        raise LotteryError(f"{path} is a directory; choose another path")
    if paths.exists(path) and not overwrite:
        raise LotteryError(
            f"{path} exists; remove it, choose another path or pass overwrite=True"
        )


@contextlib.contextmanager
def temporary_directory(near: str) -> Iterator[str]:
    """A directory beside `near`, removed afterwards; its errors name `near`.

    Raises:
        LotteryError: what is written there cannot be (no space left).
    """
    parent = os.path.dirname(near) or "."
    place = os.path.join(parent, files.temporary_name())
    try:
        with directories.made(parent), paths.errors_naming(near, "write"):
            os.mkdir(place)
            try:
                yield place
            finally:
                paths.remove(place)
    except LotteryError as error:
        # The user knows no other place than the one asked for.
        if place not in str(error):
            raise
        text = re.sub(rf"{re.escape(place)}(/[\w.-]+)?", lambda _: near, str(error))
        raise LotteryError(text) from error


def put_in_place(written: str, path: str, overwrite: bool) -> None:
    """Gives a complete local file its name, in one step.

    Of several processes that put a file at one path without `overwrite`, one does.

    Args:
        written: the file, on the file system of `path`; it is gone afterwards.
        path: its name.
        overwrite: whether a file of that name is replaced.

    Raises:
        LotteryError: `path` exists and is not to be overwritten.
        OSError: it cannot be put there; see `paths.errors_naming`.
    """
    if overwrite:
        os.replace(written, path)
        return
    try:
        try:
            os.link(written, path)
        except FileExistsError:
            raise
        except OSError:  # Not every file system has links: the name is taken first.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            try:
                os.replace(written, path)
            except BaseException:
                os.unlink(path)
                raise
            return
    except FileExistsError:
        raise LotteryError(
            f"{path} exists; remove it, choose another path or pass overwrite=True"
        ) from None
    os.unlink(written)
