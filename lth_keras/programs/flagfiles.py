"""The files that `--flagfile` stands for, by path or by the name of one of ours.

    --flagfile=lenet                        of this package, wherever it is installed
    --flagfile=examples/flags/lenet.flags   any file

A checkout has ours in `examples/flags`; a wheel brings them in `lth_keras/flagfiles`.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

from absl import flags

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# The installed ones first: beside an installed package lies anything.
_FOLDERS = (_PACKAGE / "flagfiles", _PACKAGE.parent / "examples" / "flags")
_SUFFIX = ".flags"
_OPTIONS = ("--flagfile", "-flagfile")


def names() -> list[str]:
    """The names of our flagfiles, sorted; none where they were not installed."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return sorted(path.stem for path in folder.glob(f"*{_SUFFIX}")) if folder else []


def find(given: str) -> pathlib.Path:
    """The file that `--flagfile=given` stands for; a file of that path comes first.

    Raises:
        flags.CantOpenFlagFileError: there is none.
    """
    path = pathlib.Path(given).expanduser()
    if path.is_file():
        return path
    name = given.removesuffix(_SUFFIX)
    if name not in (known := names()):
        ours = f" or one of {', '.join(known)}" if known else ""
        raise flags.CantOpenFlagFileError(
            f"--flagfile={given}: no such file; name one by its path{ours}"
        )
    return next(folder for folder in _FOLDERS if folder.is_dir()) / f"{name}{_SUFFIX}"


def found(argv: Sequence[str]) -> list[str]:
    """A command line with each flagfile replaced by its lines.

    A flagfile may name others. Empty lines, and those that begin with # or //, say
    nothing. After an argument `--` nothing is replaced, as in absl.

    Raises:
        flags.CantOpenFlagFileError: there is no such file, it cannot be read, or it
            names itself by way of others.
        flags.IllegalFlagValueError: the last argument is `--flagfile` without a value.
    """
    return list(_expanded(iter(argv), ()))


def _expanded(
    arguments: Iterator[str], within: tuple[pathlib.Path, ...]
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
            yield from _lines(given, within)


def _lines(given: str, within: tuple[pathlib.Path, ...]) -> Iterator[str]:
    path = find(given).resolve()
    if path in within:
        raise flags.CantOpenFlagFileError(
            f"--flagfile={given}: the file names itself, by way of "
            f"{', '.join(map(str, within))}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise flags.CantOpenFlagFileError(f"--flagfile={given}: {error}") from None
    kept = (
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.startswith(("#", "//"))
    )
    yield from _expanded(kept, (*within, path))
