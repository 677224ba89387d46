"""Where in an uncompressed ``.npz`` does each array stand, and what does it hold?

Looked up before anything is read or allocated: every size is bounded by the file's own.
A compressed archive could be inflated to any size, and so could members that share
their bytes; this package writes neither.
"""

from __future__ import annotations

import dataclasses
import io
import math
import struct
import tokenize
import zipfile
from typing import IO

import numpy as np

_LOCAL = struct.Struct("<4s5H3L2H")  # the header before each member's data
_ENCRYPTED = 0x1
# Magic, version and length, and what NumPy allows a header of plain dtypes.
_HEADER = 12 + 10_000


@dataclasses.dataclass(frozen=True)
class Member:
    """A member of the archive.

    Attributes:
        name: as the archive's directory has it.
        start: its first byte in the file.
        size: bytes.
        crc: CRC-32 of its bytes.
    """

    name: str
    start: int
    size: int
    crc: int


@dataclasses.dataclass(frozen=True)
class Header:
    """What the head of a ``.npy`` says of the array behind it.

    Attributes:
        head: the head itself.
        shape: of the array.
        dtype: booleans or numbers.
        columns: whether its first index varies fastest (Fortran's order).
    """

    head: bytes
    shape: tuple[int, ...]
    dtype: np.dtype
    columns: bool

    @property
    def count(self) -> int:
        """Entries of the array."""
        return math.prod(self.shape)


def members(file: IO[bytes]) -> list[Member]:
    """The members of an archive, in the order in which they stand in the file.

    Raises:
        ValueError, zipfile.BadZipFile: it is no such archive; says why.
    """
    with zipfile.ZipFile(file) as archive:
        found = archive.infolist()
        end = archive.start_dir
    known: set[str] = set()
    placed: list[Member] = []
    for index, info in enumerate(found):
        name = info.filename
        if name in known:
            raise ValueError(f"it has two members of one name, {name[:100]!r}")
        known.add(name)
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
            raise ValueError(
                f"its member {name[:100]!r} is compressed or encrypted, and no file "
                "of ours is"
            )
        file.seek(info.header_offset)
        local = file.read(_LOCAL.size)
        if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
            raise ValueError(f"its member {name[:100]!r} has no header")
        lengths = _LOCAL.unpack(local)[-2:]
        start = info.header_offset + _LOCAL.size + sum(lengths)
        limit = found[index + 1].header_offset if index + 1 < len(found) else end
        if info.compress_size != info.file_size or start + info.file_size > limit:
            raise ValueError(f"its member {name[:100]!r} is not in a place of its own")
        placed.append(Member(name, start, info.file_size, info.CRC))
    return placed


def header(file: IO[bytes], member: Member) -> Header:
    """The head of a member that is an array; nothing behind it is read.

    Raises:
        ValueError: it is none, of no numbers, or not as large as the array that it
            tells of.
    """
    file.seek(member.start)
    head = io.BytesIO(file.read(min(member.size, _HEADER)))
    version = np.lib.format.read_magic(head)
    try:
        if version == (1, 0):
            shape, columns, dtype = np.lib.format.read_array_header_1_0(head)
        else:
            shape, columns, dtype = np.lib.format.read_array_header_2_0(head)
    except (SyntaxError, tokenize.TokenError):
        raise ValueError(f"{member.name[:100]!r} is no .npy of numbers") from None
    if dtype.hasobject:
        raise ValueError(
            f"{member.name[:100]!r} holds pickled objects, which are never loaded "
            "(allow_pickle=False)"
        )
    if dtype.kind not in "biufc" or any(size < 0 for size in shape):
        raise ValueError(f"{member.name[:100]!r} holds no array of numbers")
    read = Header(head.getvalue()[: head.tell()], shape, dtype, columns)
    if head.tell() + read.count * dtype.itemsize != member.size:
        raise ValueError(
            f"{member.name[:100]!r} has {member.size} bytes, which are not those of "
            f"shape {str(shape)[:100]}"
        )
    return read
