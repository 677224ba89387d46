"""The files that `--flagfile` stands for, by path or by the name of one of ours.

    --flagfile=lenet                        of this package, wherever it is installed
    --flagfile=examples/flags/lenet.flags   any file

A checkout has ours in `examples/flags`; a wheel brings them in `lth_keras/flagfiles`.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import stat
from collections.abc import Iterator, Sequence

from absl import flags

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# The installed ones first: beside an installed package lies anything.
_FOLDERS = (_PACKAGE / "flagfiles", _PACKAGE.parent / "examples" / "flags")
_SUFFIX = ".flags"
_OPTIONS = ("--flagfile", "-flagfile")
_IRREGULAR = "this is no regular file; write the flags into one"
# Beyond these it is a loop, or no flagfile at all.
_MOST_DEEP, _MOST_FILES, _MOST_LINES, _MOST_BYTES = 20, 1_000, 10_000, 1_000_000


def names() -> list[str]:
    """The names of our flagfiles, sorted; none where they were not installed."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return sorted(path.stem for path in folder.glob(f"*{_SUFFIX}")) if folder else []


def find(given: str) -> pathlib.Path:
    """The file that `--flagfile=given` stands for; a file of that path comes first.

    Raises:
        flags.CantOpenFlagFileError: there is none.
    """
    try:
        path = pathlib.Path(given).expanduser()
        if path.is_file():
            return path
        other = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        # A name too long, a user that is not known, a NUL.
        reason = getattr(error, "strerror", None) or str(error)
        raise _cannot(given, reason) from None
    name = given.removesuffix(_SUFFIX)
    if name not in (known := names()):
        if other:
            raise _cannot(given, _IRREGULAR)
        ours = f" or one of {', '.join(known)}" if known else ""
        raise _cannot(given, f"no such file; name one by its path{ours}")
    return next(folder for folder in _FOLDERS if folder.is_dir()) / f"{name}{_SUFFIX}"


def found(argv: Sequence[str]) -> list[str]:
    """A command line with each flagfile replaced by its lines.

    A flagfile may name others. Empty lines, and those that begin with # or //, say
    nothing. After an argument `--` nothing is replaced, as in absl.

    Raises:
        flags.CantOpenFlagFileError: there is no such file, it is no text in UTF-8 or
            cannot be read, it names itself by way of others, or the files are too
            large or too many.
        flags.IllegalFlagValueError: the last argument is `--flagfile` without a value.
    """
    budget = iter(range(_MOST_FILES))
    expanded = _expanded(iter(argv), (), budget)
    arguments = list(itertools.islice(expanded, len(argv) + _MOST_LINES))
    if next(expanded, None) is not None:
        raise flags.CantOpenFlagFileError(
            f"--flagfile: more than {_MOST_LINES} lines, with those of the files that "
            "are named in them; write the flags that you need into one"
        )
    return arguments


def _expanded(
    arguments: Iterator[str],
    within: tuple[pathlib.Path, ...],
    budget: Iterator[int],
) -> Iterator[str]:
    for argument in arguments:
        option, equals, given = argument.partition("=")
        if argument == "--":
            yield argument
            yield from arguments
        elif option not in _OPTIONS:
            yield argument
        elif not equals and (following := next(arguments, None)) is None:
            raise flags.IllegalFlagValueError("--flagfile: no value was given")
        elif given := (given if equals else str(following)).strip():
            yield from _lines(given, within, budget)


def _lines(
    given: str, within: tuple[pathlib.Path, ...], budget: Iterator[int]
) -> Iterator[str]:
    path = find(given).resolve()
    if path in within:
        raise _cannot(
            given, f"the file names itself, by way of {', '.join(map(str, within))}"
        )
    if len(within) >= _MOST_DEEP:
        raise _cannot(
            given, f"files name each other more than {_MOST_DEEP} deep; write one"
        )
    # A few files of which each names the next one twice are read without an end.
    if next(budget, None) is None:
        raise _cannot(given, f"more than {_MOST_FILES} files are named; write one")
    kept = (
        line.strip()
        for line in _text(given, path).splitlines()
        if line.strip() and not line.startswith(("#", "//"))
    )
    yield from _expanded(kept, (*within, path), budget)


def _text(given: str, path: pathlib.Path) -> str:
    """What is in a flagfile, which is no device, no pipe, and not without an end."""
    try:
        # Opening a pipe waits for its writer, and it may have become one just now.
        waiting = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, os.O_RDONLY | waiting), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _cannot(given, _IRREGULAR)
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _cannot(given, f"it cannot be read: {error.strerror or error}") from None
    if len(content) > _MOST_BYTES:
        raise _cannot(given, f"it has more than {_MOST_BYTES:,} bytes; is it flags?")
    try:
        # Editors on Windows begin a file with a mark.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _cannot(
            given, f"byte {error.start + 1} is no text in UTF-8; save it in UTF-8"
        ) from None


def _cannot(given: str, reason: str) -> flags.CantOpenFlagFileError:
    return flags.CantOpenFlagFileError(f"--flagfile={given}: {reason}")
