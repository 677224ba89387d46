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
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from lth_keras.errors import LotteryError, shown
from lth_keras.storage import leases, remote, sharing
from lth_keras.storage.json_text import parse, plain
from lth_keras.storage.opening import open_to_read
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
# Stores where a file is there once it is closed, and then whole; nor do directories
# have to be made. To write it beside its place and rename it is six requests for two.
_APPEARS_WHOLE = "gs://"
# No manifest or list of results of ours is as large, in bytes.
_LARGEST_JSON = 1 << 26


def write_bytes(path: PathLike, data: bytes) -> None:
    """Writes a file atomically; its directory is created on demand.

    It is written beside its place, flushed to the disk and renamed. On ``gs://`` an
    object takes its place once it is uploaded; the one before stays until then.

    Raises:
        LotteryError: if it cannot be written (full disk, no permission, a file where
            a directory should be, a directory in its place); nothing is left behind.
    """
    with atomic_file(path) as file:
        file.write(data)


def read_bytes(path: PathLike, limit: int | None = None) -> bytes:
    """The content of a regular file.

    Args:
        path: the file.
        limit: bytes that it may have, None for any number.

    Raises:
        LotteryError: if it cannot be read, is larger or no regular file.
    """
    with open_to_read(path, limit) as file:
        return file.read()


def write_json(path: PathLike, value: Any) -> None:
    """Writes plain data as JSON, atomically.

    Args:
        path: the file.
        value: nested dicts, lists, tuples, strings, numbers (NumPy's included),
            booleans and None. A float that is not finite is written as null, for
            strict JSON has no other word for it.
    """
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: PathLike, limit: int = _LARGEST_JSON) -> Any:
    """The data of a JSON file.

    Args:
        path: the file.
        limit: bytes that it may have.

    Raises:
        LotteryError: if it cannot be read, or is not strict JSON (NaN and Infinity
            are not, nor is what is nested a hundred deep); the message gives the line.
    """
    return parse(read_bytes(path, limit), as_path(path))


def write_jsonl(path: PathLike, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object per line, atomically; values as in `write_json`."""
    write_bytes(path, b"".join(map(json_line, rows)))


def json_line(row: Mapping[str, Any]) -> bytes:
    """One line of `write_jsonl`, with its end."""
    text = json.dumps(plain(row), ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def read_jsonl(path: PathLike) -> list[dict[str, Any]]:
    """The objects of a file with one JSON object per line.

    Raises:
        LotteryError: if it cannot be read, or a line is not an object; the message
            gives the line's number.
    """
    rows = []
    # Not splitlines: it also cuts at characters that JSON strings may hold.
    content = read_bytes(path, _LARGEST_JSON)
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        row = parse(line, as_path(path), number)
        if not isinstance(row, dict):
            raise LotteryError(
                f"{as_path(path)} line {number} is not a JSON object: {shown(line)}"
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

    Its directory is created on demand; nothing is left behind by an error. What has
    been written of it can be read again within the block.

    Raises:
        LotteryError: if it cannot be written.
    """
    path = as_path(path)
    with sharing.together() as mine:
        if not mine:
            # What is written is counted and hashed all the same.
            yield io.BytesIO()
            return
        with _written(path) as file:
            yield file


@contextlib.contextmanager
def _written(path: str) -> Iterator[IO[bytes]]:
    parent = os.path.dirname(path)
    if parent and not path.startswith(_APPEARS_WHOLE):
        make_directory(parent)
    temporary = join(parent, temporary_name()) if parent else temporary_name()
    # What nobody sees yet is flushed with the directory that it is in.
    unfinished = os.path.basename(parent).startswith(TEMPORARY_PREFIX)
    with errors_naming(path, "write"):
        if is_remote(path):
            # Remote files cannot seek back, as writing an archive does.
            buffer = io.BytesIO()
            yield buffer
            leases.check(path)
            if path.startswith(_APPEARS_WHOLE):
                with remote.gfile().GFile(path, "wb") as file:
                    file.write(buffer.getvalue())
                return
            try:
                with remote.gfile().GFile(temporary, "wb") as file:
                    file.write(buffer.getvalue())
                remote.gfile().rename(temporary, path, overwrite=True)
            except BaseException:
                remote.remove_quietly(temporary)
                raise
            return
        try:
            with open(temporary, "x+b") as file:
                yield file
                if not unfinished:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        if not unfinished:
            flush_directory(parent or ".")


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
