"""Data in memory, handed to other processes of this machine, which need not read them.

    handed = hand(data)        # in the process that has read them; can be pickled
    data = handed.taken()      # in another, or None where they are out of reach

The arrays stand in a file that has no name: it goes with the process that made it,
however that ends, and the others map it instead of holding a copy each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import secrets
import stat
import tempfile
from typing import Any

import numpy as np

from lth_keras.papers.datasets import Data

_SPLITS = ("train", "validation", "test")
_TOKEN = 16  # bytes


@dataclasses.dataclass(frozen=True)
class Handed:
    """Where the arrays of a data set stand.

    Attributes:
        path: of the file, which the process that made it holds open.
        token: what the file begins with: the path may be of another machine.
        name: of the data set.
        classes: number of its classes.
        arrays: first byte, shape and dtype of images and labels of each split.
        file: held open in the process that made it, None in others.
    """

    path: str
    token: bytes
    name: str
    classes: int
    arrays: tuple[tuple[int, tuple[int, ...], str], ...]
    file: Any = dataclasses.field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        given = self.path, self.token, self.name, self.classes, self.arrays
        return Handed, given

    def taken(self) -> Data | None:
        """The data, in memory that is shared until it is written to.

        None on another machine, and where the process that handed them has ended.
        """
        try:
            # On another machine it may be a pipe, from which nothing may be taken.
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                return None
            with open(self.path, "rb") as file:
                if file.read(_TOKEN) != self.token:
                    return None
                found = [
                    # "c": TensorFlow takes no memory that cannot be written to.
                    np.asarray(np.memmap(file, dtype, "c", begin, shape))
                    for begin, shape, dtype in self.arrays
                ]
        except (OSError, ValueError):
            return None
        train, validation, test = zip(found[::2], found[1::2], strict=True)
        return Data(self.name, train, validation, test, self.classes)


def hand(data: Data) -> Handed | None:
    """Puts data where other processes of this machine can take them.

    None where there is no room for them, or no `/proc` to reach the file by: they are
    read again then.
    """
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        file = stack.enter_context(tempfile.TemporaryFile())
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        if not os.path.exists(path):
            return None
        token, arrays = secrets.token_bytes(_TOKEN), []
        file.write(token)
        for array in (part for name in _SPLITS for part in getattr(data, name)):
            begin = -(-file.tell() // mmap.PAGESIZE) * mmap.PAGESIZE
            file.seek(begin)
            file.write(np.ascontiguousarray(array).data.cast("B"))
            arrays.append((begin, array.shape, array.dtype.str))
        file.flush()
        stack.pop_all()
        return Handed(path, token, data.name, data.classes, tuple(arrays), file)
    return None
