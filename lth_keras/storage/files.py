"""The only way files get written: whole or not at all.

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
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.storage import remote
from lth_keras.storage.paths import (
    TEMPORARY_PREFIX,
    PathLike,
    as_path,
    errors_naming,
    is_remote,
    join,
    make_directory,
)

_CHUNK = 1 << 20  # bytes


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
    write_bytes(path, b"".join(map(json_line, rows)))


def json_line(row: Mapping[str, Any]) -> bytes:
    """One line of `write_jsonl`, with its end."""
    text = json.dumps(_plain(row), ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


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
                with remote.gfile().GFile(temporary, "wb") as file:
                    file.write(buffer.getvalue())
                remote.gfile().rename(temporary, path, overwrite=True)
            except BaseException:
                remote.remove_quietly(temporary)
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
            with remote.gfile().GFile(path, "rb") as file:
                content = file.read()
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


# Inside.


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
