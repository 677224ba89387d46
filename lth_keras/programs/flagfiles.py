"""The flagfiles that come with the programs: `--flagfile=lenet` finds one by name."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

_HERE = pathlib.Path(__file__).parent
# Of an installed package, and of a checkout.
_FOLDERS = (_HERE / "flagfiles", _HERE.parents[1] / "examples" / "flags")
_FLAGS = ("--flagfile", "-flagfile")


def names() -> dict[str, str]:
    """The path of each flagfile by its name, such as "lenet"."""
    return {
        path.stem: str(path)
        for folder in _FOLDERS
        for path in sorted(folder.glob("*.flags"))
    }


def found(argv: Sequence[str]) -> list[str]:
    """A command line with the path of each flagfile that was given by its name.

    A file of the user's with that very name comes first.
    """
    written: list[str] = []
    for word in argv:
        flag, equals, name = word.rpartition("=")
        if equals and flag in _FLAGS:
            word = f"{flag}={_path(name)}"
        elif written and written[-1] in _FLAGS:
            word = _path(word)
        written.append(word)
    return written


def _path(name: str) -> str:
    return name if os.path.exists(name) else names().get(name, name)
