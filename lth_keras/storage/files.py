"""Paths, local or remote, and the only way files get written.

A write is atomic: a reader, or a run started after a SIGKILL, sees the old file or
the new one, never part of one. A remote path is anything with ``://`` and goes by
``tf.io.gfile``; what a remote file system cannot promise is said where it matters.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import pathlib
import posixpath
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Union

import numpy as np
import tensorflow as tf

from lth_keras.compat import LotteryError

PathLike = Union[str, "os.PathLike[str]"]

# Starts the name of everything unfinished; clean_leftovers removes nothing else.
TEMPORARY_PREFIX = ".lth-partial-"
_CHUNK = 1 << 20  # bytes


# Paths.


def as_path(path: PathLike) -> str:
    """The path as a string.

    Raises:
        LotteryError: if it is none, empty, or a remote path that went through
            ``pathlib``, which turns ``gs://bucket`` into the local ``gs:/bucket``.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise LotteryError(
            f"path={path!r} is a {type(path).__name__}: pass text or a pathlib.Path."
        )
    text = os.fspath(path)
    if not text:
        raise LotteryError("the path is empty: pass a directory or a file name")
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


def exists(path: PathLike) -> bool:
    """Whether a file or a directory has this path."""
    path = as_path(path)
    with errors_naming(path, "read"):
        return tf.io.gfile.exists(path) if is_remote(path) else os.path.exists(path)


def list_directory(path: PathLike) -> list[str]:
    """Sorted names in a directory, leftovers of a killed run excepted.

    A directory that does not exist has none.
    """
    path = as_path(path)
    with errors_naming(path, "list"):
        if is_remote(path):
            # Object stores end the names of directories with a slash.
            found = tf.io.gfile.listdir(path) if tf.io.gfile.isdir(path) else []
            names = [name.rstrip("/") for name in found]
        else:
            names = os.listdir(path) if os.path.lexists(path) else []
    return sorted(n for n in names if n and not n.startswith(TEMPORARY_PREFIX))


def make_directory(path: PathLike) -> None:
    """Creates a directory and its parents; nothing happens if it exists.

    Raises:
        LotteryError: if it cannot be created.
    """
    path = as_path(path)
    with errors_naming(path, "create directory"):
        if is_remote(path):
            tf.io.gfile.makedirs(path)
            return
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise LotteryError(
                f"cannot create directory {path}: {error.filename} is a file, or lies "
                "below one; remove it or choose another directory"
            ) from error


def remove_directory(path: PathLike) -> None:
    """Removes a directory and everything in it; nothing happens if there is none."""
    path = as_path(path)
    with errors_naming(path, "remove"):
        if exists(path):
            remove(path)


# Files.


def write_bytes(path: PathLike, data: bytes) -> None:
    """Writes a file atomically; its directory is created on demand.

    It is written beside its place, flushed to the disk and renamed. ``gs://`` keeps
    the promise as well: its rename copies a complete object.

    Raises:
        LotteryError: if it cannot be written (full disk, no permission, a file where
            a directory should be, a directory in its place); nothing is left behind.
    """
    with atomic_file(path) as file:
        file.write(data)


def read_bytes(path: PathLike) -> bytes:
    """The content of a file.

    Raises:
        LotteryError: if it cannot be read.
    """
    with open_to_read(path) as file:
        return file.read()


def write_json(path: PathLike, value: Any) -> None:
    """Writes plain data as JSON, atomically.

    Args:
        path: the file.
        value: nested dicts, lists, tuples, strings, numbers (NumPy's included),
            booleans and None. A float that is not finite is written as null, for
            strict JSON has no other word for it.
    """
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: PathLike) -> Any:
    """The data of a JSON file.

    Raises:
        LotteryError: if it cannot be read, or is not strict JSON (NaN and Infinity
            are not); the message gives the line.
    """
    return _parse(read_bytes(path), as_path(path))


def write_jsonl(path: PathLike, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object per line, atomically; values as in `write_json`."""
    lines = [
        json.dumps(_plain(row), ensure_ascii=False, allow_nan=False) + "\n"
        for row in rows
    ]
    write_bytes(path, "".join(lines).encode())


def read_jsonl(path: PathLike) -> list[dict[str, Any]]:
    """The objects of a file with one JSON object per line.

    Raises:
        LotteryError: if it cannot be read, or a line is not an object; the message
            gives the line's number.
    """
    rows = []
    # Not splitlines: it also cuts at characters that JSON strings may hold.
    for number, line in enumerate(read_bytes(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        row = _parse(line, as_path(path), number)
        if not isinstance(row, dict):
            raise LotteryError(
                f"{as_path(path)} line {number} is not a JSON object: {line[:40]!r}"
            )
        rows.append(row)
    return rows


def sha256(path: PathLike) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits.

    Raises:
        LotteryError: if it cannot be read.
    """
    digest = hashlib.sha256()
    with open_to_read(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


# What the modules above write with.


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
    except tf.errors.OpError as error:
        reason = (error.message or type(error).__name__).splitlines()[0]
        raise LotteryError(f"cannot {act} {path}: {_clean(reason)}") from error


@contextlib.contextmanager
def atomic_file(path: PathLike) -> Iterator[IO[bytes]]:
    """A file to write that takes its place when the block ends without an error.

    Its directory is created on demand; nothing is left behind by an error.

    Raises:
        LotteryError: if it cannot be written.
    """
    path = as_path(path)
    parent = os.path.dirname(path)
    if parent:
        make_directory(parent)
    temporary = join(parent, temporary_name()) if parent else temporary_name()
    with errors_naming(path, "write"):
        if is_remote(path):
            # Remote files cannot seek back, as writing an archive does.
            buffer = io.BytesIO()
            yield buffer
            try:
                with tf.io.gfile.GFile(temporary, "wb") as remote:
                    remote.write(buffer.getvalue())
                tf.io.gfile.rename(temporary, path, overwrite=True)
            except BaseException:
                with contextlib.suppress(tf.errors.OpError):
                    tf.io.gfile.remove(temporary)
                raise
            return
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        flush_directory(parent or ".")


@contextlib.contextmanager
def open_to_read(path: PathLike) -> Iterator[IO[bytes]]:
    """A file to read, and to seek in: a remote one is fetched whole.

    Raises:
        LotteryError: if it cannot be read, also where the block does so.
    """
    path = as_path(path)
    with errors_naming(path, "read"):
        if is_remote(path):
            with tf.io.gfile.GFile(path, "rb") as remote:
                content = remote.read()
            yield io.BytesIO(content)
        else:
            with open(path, "rb") as file:
                yield file


def temporary_name() -> str:
    """A new name for something unfinished, which `list_directory` leaves out."""
    return TEMPORARY_PREFIX + secrets.token_hex(8)


def flush_directory(directory: str) -> None:
    """Flushes the names in a local directory to the disk, where that is possible."""
    # Some network file systems cannot flush a directory; the content is flushed.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(path: str) -> None:
    """Removes a file, a symbolic link, or a directory and everything in it.

    Raises:
        OSError, tf.errors.OpError: if it cannot; see `errors_naming`.
    """
    if is_remote(path):
        act = tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove
    else:
        tree = os.path.isdir(path) and not os.path.islink(path)
        act = shutil.rmtree if tree else os.unlink
    act(path)


# Inside.


def _clean(reason: str) -> str:
    """What TensorFlow says of an error, without its operations and our temporaries."""
    reason = re.sub(r"\{\{.*?\}\} *", "", reason)
    reason = re.sub(r" *\[Op:\w+\].*", "", reason)
    place, _, rest = reason.rpartition("; ")
    return rest if TEMPORARY_PREFIX in place else reason


def _parse(data: bytes, path: str, line: int | None = None) -> Any:
    """Strict JSON; ``line`` is the number of the line the data is, if it is one."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not strict JSON")

    try:
        return json.loads(data.decode(), parse_constant=refuse)
    except json.JSONDecodeError as error:
        place, reason = line or error.lineno, error.msg
    except ValueError as error:
        place, reason = line or 1, str(error)
    raise LotteryError(f"{path} line {place} is corrupt: {reason}")


def _plain(value: Any) -> Any:
    """The value as JSON can hold it, floats that are not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float) or (
        isinstance(value, np.generic) and not isinstance(value, str)
    ):
        return float(value) if math.isfinite(value) else None
    return value
