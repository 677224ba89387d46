"""Named arrays in ``.npz`` files: every bit kept, equal content in equal bytes.

Nothing is pickled. The dtypes of ``ml_dtypes``, which NumPy's format cannot name, are
named in a member of their own.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping

import ml_dtypes
import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.storage import files, paths

_DTYPES_MEMBER = "dtypes.json"


def write_arrays(path: paths.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays as an uncompressed ``.npz``, atomically.

    Equal arrays in equal order give equal bytes, so a checksum identifies them.

    Args:
        path: the file.
        arrays: arrays of any shape by name; a name may contain ``/`` and ``:``.
            Booleans, integers, floats and complex numbers, and those of ``ml_dtypes``
            (bfloat16, float8, int4), which are stored as unsigned integers with the
            dtype's name beside them. Every bit is kept.

    Raises:
        LotteryError: if it cannot be written, or an array holds something else.
    """
    stored = {name: _storable(name, array) for name, array in arrays.items()}
    dtypes = {
        name: array.dtype.name
        for name, array in stored.items()
        if array.dtype.type.__module__ == "ml_dtypes"
    }
    with (
        files.atomic_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, array in stored.items():
            if name in dtypes:
                array = array.view(f"uint{8 * array.dtype.itemsize}")
            # A ZipInfo of our own has no time of day in it.
            member = zipfile.ZipInfo(name + ".npy")
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
        archive.writestr(zipfile.ZipInfo(_DTYPES_MEMBER), json.dumps(dtypes))


def read_arrays(path: paths.PathLike) -> dict[str, np.ndarray]:
    """The arrays that `write_arrays` wrote, or those of any ``.npz`` of numbers.

    Returns:
        Arrays by name, in the order in which they were written.

    Raises:
        LotteryError: if the file cannot be read, is truncated or corrupt (a checksum
            fails), or holds pickled objects, which are never loaded.
    """
    arrays = {}
    dtypes: dict[str, str] = {}
    try:
        with files.open_to_read(path) as file, zipfile.ZipFile(file) as archive:
            if _DTYPES_MEMBER in archive.namelist():
                dtypes = json.loads(archive.read(_DTYPES_MEMBER))
            for member in archive.namelist():
                if member == _DTYPES_MEMBER:
                    continue
                with archive.open(member) as stream:
                    array = np.lib.format.read_array(stream, allow_pickle=False)
                name = member.removesuffix(".npy")
                if name in dtypes:
                    array = array.view(np.dtype(getattr(ml_dtypes, dtypes[name])))
                arrays[name] = array
    except (
        AttributeError,
        EOFError,
        KeyError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        if isinstance(error, LotteryError):
            raise
        raise LotteryError(
            f"{paths.as_path(path)} is truncated, corrupt or not an arrays file: "
            f"{error}"
        ) from error
    return arrays


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    # asarray, for ascontiguousarray would make a scalar a vector of length 1.
    array = np.asarray(array, order="C")
    own = array.dtype.type.__module__ == "ml_dtypes"
    if array.dtype.kind not in "biufc" and not own:
        raise LotteryError(
            f"array {name!r} has dtype {array.dtype}; only numbers and booleans can "
            "be stored"
        )
    return array
