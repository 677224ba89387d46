"""What --overwrite may replace: an earlier export, and nothing beside or in it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lth_keras.errors import LotteryError
from lth_keras.export import destinations
from lth_keras.storage import files, paths

# The file in --output that says what has been exported.
INDEX = "export.json"
# Some of what it holds; a file of that name that does not is somebody else's.
_KEYS = {"run", "trial", "level", "exports"}


def output(path: str, overwrite: bool) -> str:
    """The directory to make, --output.

    Args:
        path: as it was given.
        overwrite: whether an earlier export may be replaced.

    Raises:
        LotteryError: it is remote, or taken.
    """
    path = destinations.local_path(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise LotteryError(f"--output={path} is a file; choose another directory")
    names = paths.list_directory(path)
    if names and not overwrite:
        raise LotteryError(
            f"--output={path} exists; pass --overwrite to replace it, or choose "
            "another directory"
        )
    if names:
        _check_replaceable(path, names)
    return path


def _check_replaceable(path: str, names: Sequence[str]) -> None:
    """Lets --overwrite replace what an earlier export wrote, and nothing else.

    Raises:
        LotteryError: `names`, those in the directory `path`, are no export's, or others
            lie beside or in it.
    """
    if INDEX not in names:
        raise LotteryError(
            f"--output={path} holds no {INDEX}, so --overwrite does not replace it; "
            "choose another directory"
        )
    index = os.path.join(path, INDEX)
    value = files.read_json(index)
    try:
        exports = [(item["format"], item["path"]) for item in value["exports"]]
        ours = _KEYS <= {*value} and bool(exports)
        places = [_parts(*export) for export in exports]
    except (AttributeError, KeyError, TypeError):
        ours = False
    if not ours:
        raise LotteryError(
            f"{index} is of no earlier export, so --overwrite does not replace "
            f"--output={path}; choose another directory"
        )
    other = _other_name(path, names, places)
    if other:
        raise LotteryError(
            f"{os.path.join(path, other)} is no part of the earlier export, so "
            "--overwrite does not remove it: move it away, or choose another --output"
        )


def _parts(kind: str, path: str) -> tuple[str, ...]:
    """The names below --output that lead to an export, of which `path` is the end."""
    return tuple(path.split(os.sep)[-2 if kind == "saved_model" else -1 :])


def _other_name(
    path: str, names: Sequence[str], places: Sequence[tuple[str, ...]]
) -> str | None:
    """A path below `path` that is not of an export at `places`, if there is one."""
    for name in names:
        if name != INDEX and name not in {place[0] for place in places}:
            return name
    for place in places:
        target = os.path.join(path, *place)
        if len(place) == 1:
            if os.path.isdir(target):
                return place[0]
            continue
        for name in paths.list_directory(os.path.dirname(target)):
            if name != place[1]:
                return os.path.join(place[0], name)
        other = destinations.not_of_saved_model(target)
        if other:
            return os.path.join(*place, other)
    return None
