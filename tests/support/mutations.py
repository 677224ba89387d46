"""Damage and malice done to files: the kinds of them, one drawn at random.

    said = mutate(root, generator, outside)

Each works on one file or directory below `root` and says what it did. Links lead to
`outside`, which nobody may touch.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import stat
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras.storage import arrays
from tests.support import run_directories

# Of which JSON has no words of its own.
_RAW = (
    "1e999",
    "NaN",
    "1" * 5_000,
    "[" * 3_000 + "]" * 3_000,
    '{"a":' * 300 + "1" + "}" * 300,
    '"\\ud800"',
)
_VALUES = (
    None,
    True,
    False,
    -1,
    0,
    3,
    2**70,
    0.5,
    1e308,
    "",
    "x",
    "a\nb",
    "$\\frac{",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "/dev/zero",
    "q" * 5_000,
    [],
    [None],
    [0.5, "x"],
    {},
    {"a": None},
    [[1, 2], [3]],
)
_MARK = "\ue000"  # where a raw text goes


def mutate(
    root: pathlib.Path, generator: np.random.Generator, outside: pathlib.Path
) -> str:
    """Damages one thing below a directory.

    Args:
        root: where.
        generator: what is drawn from.
        outside: a directory beside it, with a file "file" and a directory "directory".

    Returns:
        What was done, for the message of a failure.
    """
    kinds = (_file, _file, _json, _json, _json, _arrays, _kind, _directory)
    found = sorted(p for p in root.rglob("*") if _can_be_read(p))
    for index in generator.permutation(len(kinds)):
        try:
            return kinds[index](root, found, generator, outside)
        except _NothingLeftError:
            pass
    return "nothing is left to damage"


def _can_be_read(path: pathlib.Path) -> bool:
    """Whether it is no link, pipe or sparse terabyte of an earlier damage."""
    found = path.lstat()
    if stat.S_ISREG(found.st_mode):
        return found.st_size < 1 << 24
    return stat.S_ISDIR(found.st_mode)


class _NothingLeftError(Exception):
    """Of what is to be damaged there is none, after an earlier damage."""


def _drawn(generator: np.random.Generator, choices: Any) -> Any:
    if not choices:
        raise _NothingLeftError
    return choices[int(generator.integers(len(choices)))]


def _file(root, found, generator, outside) -> str:
    """Bytes that are lost, changed, added, or another file's."""
    files = [p for p in found if p.is_file()]
    place = _drawn(generator, files)
    content = bytearray(place.read_bytes())
    middle = int(generator.integers(len(content) + 1))
    how = _drawn(
        generator, "cut flip zeros empty longer gone noise other sparse".split()
    )
    if how == "cut":
        content = content[:middle]
    elif how == "flip" and content:
        content[middle - 1] ^= 1 << int(generator.integers(8))
    elif how == "zeros":
        content[middle:] = bytes(len(content) - middle)
    elif how == "empty":
        content = bytearray()
    elif how == "longer":
        content += content[:middle] + b"\0"
    elif how == "noise":
        content = bytearray(generator.bytes(int(generator.integers(300))))
    elif how == "other":
        content = bytearray(_drawn(generator, files).read_bytes())
    place.write_bytes(content)
    if how == "gone":
        place.unlink()
    elif how == "sparse":
        os.truncate(place, 1 << int(generator.integers(30, 42)))
    return f"{how} {place.relative_to(root)}"


def _json(root, found, generator, outside) -> str:
    """A field that is gone or of another kind, its checksum made anew."""
    place = _drawn(generator, [p for p in found if p.suffix == ".json" and p.is_file()])
    said = f"{place.relative_to(root)}: "
    try:
        value = json.loads(place.read_text())
    except (ValueError, RecursionError):
        return said + "no JSON any more"
    raw = _drawn(generator, _RAW) if generator.random() < 0.15 else None
    new = _MARK if raw else _drawn(generator, _VALUES)
    spots = list(_spots(value))
    if not spots:
        return said + "empty"
    holder, key = _drawn(generator, spots)
    said += f"{key!r} "
    if generator.random() < 0.2:
        del holder[key]
        said += "gone"
    else:
        holder[key] = new
        said += f"= {str(raw or new)[:60]!r}"
    if place.name == "manifest.json" and "format" in value:
        place.write_text(json.dumps(value))
        run_directories.signed_again(place.parent, lambda manifest: None)
        text = place.read_text()
    else:
        text = json.dumps(value)
    place.write_text(text.replace(json.dumps(_MARK), raw or ""))
    return said


def _spots(value: Any) -> Any:
    """Every place of a value that can be changed, as (object or list, key or index)."""
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in pairs:
        yield value, key
        yield from _spots(item)


def _arrays(root, found, generator, outside) -> str:
    """Arrays of another kind, every checksum made anew."""
    place = _drawn(generator, [p for p in found if p.suffix == ".npz" and p.is_file()])
    said = f"{place.relative_to(root)}: "
    try:
        content = arrays.read_arrays(place)
    except ValueError:
        return said + "no arrays any more"
    how = _drawn(generator, list(_ARRAYS))
    name = _drawn(generator, list(content)) if content else "x"
    place.unlink()
    _ARRAYS[how](place, content, name, str(outside / "file"))
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    manifest = place.parent / "manifest.json"
    if manifest not in found:
        return f"{said}{how} {name}"  # gone, or of no size to be read
    try:
        fields = json.loads(manifest.read_text())
        fields["sha256"][place.name] = digest
        manifest.write_text(json.dumps(fields))
        if "format" in fields:
            run_directories.signed_again(place.parent, lambda m: None)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass  # It is damaged already.
    return f"{said}{how} {name}"


class _Malice:
    """Deletes a file when somebody unpickles it."""

    def __init__(self, victim: str):
        self.victim = victim

    def __reduce__(self) -> Any:
        return os.remove, (self.victim,)


def _changed(change: Callable[[np.ndarray], Any]) -> Callable[..., None]:
    def write(place, content, name, victim) -> None:
        found = {**content, name: change(content.get(name, np.zeros(3, np.float32)))}
        arrays.write_arrays(place, {k: v for k, v in found.items() if v is not None})

    return write


def _pickled(place, content, name, victim) -> None:
    np.savez(place, **{name.replace("/", "_"): np.array([_Malice(victim)])})


def _inflated(place, content, name, victim) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        for key in content:
            with file.open(f"{key}.npy", "w") as stream:
                large = np.broadcast_to(np.zeros((), np.uint8), (1 << 22,))
                np.lib.format.write_array(stream, np.ascontiguousarray(large))


_ARRAYS: dict[str, Callable[..., None]] = {
    "NaN": _changed(lambda a: np.full(a.shape, np.nan, np.float32)),
    "infinite": _changed(lambda a: np.full(a.shape, -np.inf, np.float32)),
    "turned": _changed(lambda a: np.flip(a.T)),
    "flat": _changed(lambda a: a.reshape(-1)),
    "double": _changed(lambda a: a.astype(np.float64)),
    "complex": _changed(lambda a: a.astype(np.complex64)),
    "other end": _changed(lambda a: a.astype(a.dtype.newbyteorder(">"))),
    "longer": _changed(lambda a: np.zeros(a.size + 1, a.dtype)),
    "none": _changed(lambda a: None),
    "changed": _changed(lambda a: a + np.ones((), a.dtype)),
    "pickled": _pickled,
    "inflated": _inflated,
}


def _kind(root, found, generator, outside) -> str:
    """A link, a pipe or a directory in the place of a file, or of a directory."""
    place = _drawn(generator, found)
    how = _drawn(generator, "file directory zero nowhere itself pipe folder".split())
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    if how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()
    else:
        target = {"zero": pathlib.Path("/dev/zero"), "itself": place}
        place.symlink_to(target.get(how, outside / how))
    return f"{how} in the place of {place.relative_to(root)}"


def _directory(root, found, generator, outside) -> str:
    """A directory that is another's, gone, twice there, or holds what is linked."""
    place = _drawn(generator, [p for p in found if p.is_dir()])
    other = _drawn(generator, [p for p in found if p.is_dir()])
    how = _drawn(generator, "gone other copy leftover file".split())
    if how == "leftover":
        (place / ".lth-partial-00").symlink_to(outside / "directory")
    elif how == "copy":
        copy = place.with_name(place.name.replace("level0", "level00") + "0")
        shutil.copytree(place, copy, symlinks=True)
    elif how == "other" and place not in (other, *other.parents):
        inside = other in place.parents
        if not inside:
            shutil.rmtree(place)
            shutil.copytree(other, place, symlinks=True)
    elif how in ("gone", "file"):
        shutil.rmtree(place)
        if how == "file":
            place.write_text("{}")
    return f"{how} directory {place.relative_to(root)} ({other.relative_to(root)})"
