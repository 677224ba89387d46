"""Named arrays in ``.npz`` files: every bit kept, equal content in equal bytes.

Nothing is pickled, nothing compressed. The dtypes of ``ml_dtypes``, which NumPy's
format cannot name, are named in a member of their own. A file is read once, for its
arrays and for its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from typing import IO, Any, NamedTuple

import ml_dtypes
import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.storage import (
    files,
    json_text,
    npz_members,
    npz_writing,
    opening,
    paths,
)
from lth_keras.storage.npz_members import Member
from lth_keras.storage.npz_writing import bytes_of

_DTYPES_MEMBER = "dtypes.json"
_CHUNK = 1 << 20  # bytes
# Of a foreign file anything may be wrong.
_DAMAGED = (
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


class ChecksumError(LotteryError):
    """A file is not the one that its SHA-256 was taken of."""


def write_arrays(
    path: paths.PathLike, arrays: Mapping[str, np.ndarray | Packed]
) -> str:
    """Writes named arrays as an uncompressed ``.npz``, atomically.

    Equal arrays in equal order give equal bytes, so a checksum identifies them.

    Args:
        path: the file.
        arrays: arrays of any shape by name; a name may contain ``/`` and ``:``.
            Booleans, integers, floats and complex numbers, and those of ``ml_dtypes``
            (bfloat16, float8, int4), which are stored as unsigned integers with the
            dtype's name beside them. Every bit is kept. What is `Packed` is made one
            by one.

    Returns:
        SHA-256 of the file, 64 hexadecimal digits.

    Raises:
        LotteryError: if it cannot be written, or an array holds something else.
    """
    given = {
        n: a if isinstance(a, Packed) else np.asarray(a) for n, a in arrays.items()
    }
    dtypes = {
        name: array.dtype.name
        for name, array in given.items()
        if _is_own(_checked(name, array))
    }
    size = sum(array.nbytes for array in given.values())
    with files.atomic_file(path) as file:
        return npz_writing.write(
            file, _plain(given), {_DTYPES_MEMBER: json.dumps(dtypes)}, size
        )


class Packed(NamedTuple):
    """An array that is made when it is written, and let go then.

    Attributes:
        make: f() -> the array.
        dtype: of it.
        nbytes: its bytes, at most.
    """

    make: Callable[[], np.ndarray]
    dtype: np.dtype
    nbytes: int


def _plain(
    arrays: Mapping[str, np.ndarray | Packed],
) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays one by one, as NumPy's format can name them."""
    for name, given in arrays.items():
        array = given.make() if isinstance(given, Packed) else given
        # asarray, for ascontiguousarray would make a scalar a vector of length 1.
        array = np.asarray(array, order="C")
        yield name, array.view(f"u{array.dtype.itemsize}") if _is_own(array) else array


def read_arrays(
    path: paths.PathLike, limit: int | None = None, sha256: str | None = None
) -> dict[str, np.ndarray]:
    """The arrays that `write_arrays` wrote, or those of any ``np.savez`` of numbers.

    Args:
        path: the file.
        limit: bytes that it may have, None for any number.
        sha256: what its SHA-256 must be; None leaves it to the CRC-32 of each array.

    Returns:
        Arrays by name, in the order in which they were written.

    Raises:
        ChecksumError: if its SHA-256 is another.
        LotteryError: if the file cannot be read, is no regular file or too large, is
            truncated or corrupt (a checksum fails), is compressed, or holds pickled
            objects, which are never loaded.
    """
    with opening.open_to_read(path, limit) as file:
        try:
            return _read(file, path, sha256)
        except ChecksumError:
            raise
        except _DAMAGED as error:
            if sha256 is not None and _digest_of(file) != sha256:
                raise _not_its(path) from None
            raise LotteryError(
                f"{paths.as_path(path)} is truncated, corrupt or not an arrays file: "
                f"{str(error)[:200]}"
            ) from error


def _read(
    file: IO[bytes], path: paths.PathLike, sha256: str | None
) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    dtypes: dict[str, str] = {}
    found = npz_members.members(file)
    place, digest = 0, hashlib.sha256()
    with futures.ThreadPoolExecutor(1) as pool:
        # Of one thread, so that the bytes are taken in their order.
        taken: list[futures.Future[None]] = []

        def hashed(content: Any) -> None:
            if sha256 is not None:
                taken.append(pool.submit(digest.update, content))

        for member in found:
            file.seek(place)
            hashed(file.read(member.start - place))
            if member.name == _DTYPES_MEMBER:
                content = file.read(member.size)
                hashed(content)
                dtypes = json_text.parse(content, member.name)
            else:
                head = npz_members.header(file, member)
                array = np.empty(head.count, head.dtype)
                file.seek(member.start + len(head.head))
                _fill(file, bytes_of(array))
                hashed(head.head)
                hashed(bytes_of(array))
                if sha256 is None:
                    _check_crc(member, head.head, array)
                shape = head.shape[::-1] if head.columns else head.shape
                array = array.reshape(shape)
                array = array.transpose() if head.columns else array
                arrays[member.name.removesuffix(".npy")] = array
            place = member.start + member.size
        file.seek(place)
        while content := file.read(_CHUNK):
            hashed(content)
        for each in taken:
            each.result()
    if sha256 is not None and digest.hexdigest() != sha256:
        raise _not_its(path)
    return {name: _viewed(array, dtypes.get(name)) for name, array in arrays.items()}


def _viewed(array: np.ndarray, name: str | None) -> np.ndarray:
    """The array in a dtype of `ml_dtypes` that it was stored as integers of."""
    if name is None:
        return array
    dtype = np.dtype(getattr(ml_dtypes, name))
    if array.dtype.kind != "u" or dtype.itemsize != array.dtype.itemsize:
        raise ValueError(f"an array of {array.dtype} is none of {dtype}")
    return array.view(dtype)


def _fill(file: IO[bytes], content: memoryview) -> None:
    place = 0
    while place < len(content):
        count = file.readinto(content[place:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError("it ends within an array")
        place += count


def _check_crc(member: Member, head: bytes, array: np.ndarray) -> None:
    if zlib.crc32(bytes_of(array), zlib.crc32(head)) != member.crc:
        raise ValueError(f"the checksum of {member.name[:100]!r} is another")


def _digest_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while content := file.read(_CHUNK):
        digest.update(content)
    return digest.hexdigest()


def _not_its(path: paths.PathLike) -> ChecksumError:
    return ChecksumError(
        f"{paths.as_path(path)} is truncated or altered: its SHA-256 is not the one "
        "that was stored with it."
    )


def _is_own(array: np.ndarray | Packed) -> bool:
    """Whether its dtype is of `ml_dtypes`."""
    return bool(array.dtype.type.__module__ == "ml_dtypes")


def _checked(name: str, array: np.ndarray | Packed) -> np.ndarray | Packed:
    if array.dtype.kind not in "biufc" and not _is_own(array):
        raise LotteryError(
            f"array {name!r} has dtype {array.dtype}; only numbers and booleans can "
            "be stored"
        )
    return array
