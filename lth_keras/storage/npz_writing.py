"""An uncompressed ``.npz``, written once: its bytes go to the disk and to a SHA-256 as
they come.

`zipfile` writes a member's head again when its size and checksum are known, and whoever
hashes the file has to read it anew. Here they are known before. The bytes are those
that `zipfile` writes.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent import futures
from typing import IO, Any

import numpy as np

# Bytes after which the disk is set to work.
_PORTION = 1 << 24
_CHUNK = 1 << 20


def write(
    file: IO[bytes],
    arrays: Iterable[tuple[str, np.ndarray]],
    others: Mapping[str, str],
    size: int,
) -> str:
    """Writes an archive; of a large one the disk has had most when it returns.

    Args:
        file: a new file, open for writing and reading; or a buffer in memory.
        arrays: names and arrays of numbers, whose entries lie side by side; each is
            let go when the next has been made.
        others: small members by name, behind the arrays.
        size: bytes of all arrays, at most.

    Returns:
        SHA-256 of the file, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    # A thread costs more than hashing a small file does.
    helper = futures.ThreadPoolExecutor if size >= _CHUNK else _AtOnce
    # One thread for each, so that what a thread takes stays in its order.
    with (
        helper(1) as hasher,
        helper(1) as flusher,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        done: list[futures.Future[Any]] = []
        hashed: list[futures.Future[Any]] = []
        flushed = 0
        for name, array in arrays:
            head, content = _head(array), bytes_of(array)
            member = _member(name + ".npy", head, content, file.tell())
            # Never more than one member behind, which is held until then.
            for each in hashed:
                each.result()
            hashed = []
            for part in (member.FileHeader(zip64=True), head, content):
                hashed.append(hasher.submit(digest.update, part))
                file.write(part)
            del array, content, part
            archive.filelist.append(member)
            archive.NameToInfo[member.filename] = member
            archive.start_dir = file.tell()
            if archive.start_dir - flushed >= _PORTION:
                flushed = archive.start_dir
                done.append(flusher.submit(_flush, file))
        end = file.tell()
        for name, text in others.items():
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.close()
        if flushed:
            done.append(flusher.submit(_flush, file))
        for each in [*hashed, *done]:
            each.result()
        file.seek(end)
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


class _AtOnce(futures.Executor):
    """Does what is submitted before it returns, in no thread of its own."""

    def __init__(self, max_workers: int):
        del max_workers

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> futures.Future[Any]:
        done: futures.Future[Any] = futures.Future()
        done.set_result(fn(*args, **kwargs))
        return done


def bytes_of(array: np.ndarray) -> memoryview:
    """The memory of an array, whose entries lie side by side."""
    return array.reshape(-1).view(np.uint8).data


def _head(array: np.ndarray) -> bytes:
    """What stands before the entries in a ``.npy``."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, np.lib.format.header_data_from_array_1_0(array)
    )
    return stream.getvalue()


def _member(
    name: str, head: bytes, content: memoryview, offset: int
) -> zipfile.ZipInfo:
    # A ZipInfo of our own has no time of day in it.
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o600 << 16
    member.file_size = member.compress_size = len(head) + len(content)
    member.CRC = zlib.crc32(content, zlib.crc32(head))
    member.header_offset = offset
    return member


def _flush(file: IO[bytes]) -> None:
    """Puts on the disk what has been written so far."""
    if not isinstance(file, io.BytesIO):
        file.flush()
        os.fsync(file.fileno())
