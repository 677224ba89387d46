"""A split of TensorFlow Datasets by number: the stored bytes of any example, at once.

    found = Records.of(builder, "train", "mnist")
    found.read(np.array([7, 3]))            # two serialized examples

TFRecord files, which know no numbers, are walked through once for where each record
begins (16 bytes of memory a record); ArrayRecord files say so themselves.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError

# A record: its length, the length's checksum; then the data, and their checksum.
_HEAD, _TAIL = struct.Struct("<QI"), 4
# As `tfds.ReadConfig` has them, by which whoever reads a set whole reads it.
CYCLE, _BLOCK = 16, 16


class _Files(Protocol):
    def read(self, numbers: np.ndarray) -> list[bytes]: ...


class Records:
    """The examples of a split, in the order in which TFDS reads it whole.

    Args:
        files: which gives the bytes of examples by where they lie.
        places: where the examples of the split lie, int64 [n].
    """

    def __init__(self, files: _Files, places: np.ndarray):
        self._files, self._places = files, places

    @classmethod
    def of(cls, builder: Any, split: str, name: str) -> Records:
        """The examples of a prepared split.

        Args:
            builder: of TFDS.
            split: its name.
            name: of the data set, for what is said.

        Raises:
            LotteryError: the files are remote, of a format that knows no numbers, or
                hold other examples than are declared.
        """
        info = builder.info.splits[split]
        paths = [os.fspath(path) for path in info.filepaths]
        kind = builder.info.file_format.value
        if "://" in paths[0]:
            raise LotteryError(
                f"dataset={name!r} lies in {builder.data_dir}, and is read by number "
                "from local files alone: copy it, or read it whole (datasets.load)."
            )
        if kind not in _KINDS:
            raise LotteryError(
                f"dataset={name!r} is stored as {kind}: prepare it as "
                f"{' or '.join(_KINDS)} to read it by number."
            )
        try:
            files = _KINDS[kind](paths, info.shard_lengths)
        except (OSError, ValueError) as error:
            raise LotteryError(
                f"dataset={name!r} cannot be read from {builder.data_dir} ({error}); "
                "prepare it again."
            ) from error
        # TFDS itself reads ArrayRecord files by number, one after another.
        ordered = builder.info.disable_shuffling or kind != "tfrecord"
        return cls(files, order(info.shard_lengths, 1 if ordered else CYCLE))

    def __len__(self) -> int:
        return len(self._places)

    def chosen(self, numbers: np.ndarray) -> Records:
        """Some of the examples, in the order in which they are named."""
        return Records(self._files, self._places[numbers])

    def read(self, numbers: np.ndarray) -> list[bytes]:
        """The stored bytes of examples; several threads may read at a time."""
        return self._files.read(self._places[numbers])


class TFRecords:
    """Records of TFRecord files, numbered from the first of the first file.

    Args:
        paths: of the files.
        lengths: how many records each has.

    Raises:
        ValueError: a file holds more or fewer, or ends within one.
    """

    def __init__(self, paths: Sequence[str], lengths: Sequence[int]):
        self._paths = paths
        found = [_positions(*of) for of in zip(paths, lengths, strict=True)]
        self._file = np.repeat(np.arange(len(paths), dtype=np.int32), lengths)
        self._begin = np.concatenate([begins for begins, _ in found])
        self._size = np.concatenate([sizes for _, sizes in found])
        # Kept open as the file system keeps them: few, or the process runs out.
        self._opened = functools.lru_cache(256)(_File)

    def read(self, numbers: np.ndarray) -> list[bytes]:
        """The bytes of records."""
        found = []
        for number in numbers.tolist():
            file = self._opened(self._paths[self._file[number]])
            found.append(file.part(int(self._begin[number]), int(self._size[number])))
        return found


class _File:
    """An open file, closed as nobody holds it any more."""

    def __init__(self, path: str):
        self._descriptor = os.open(path, os.O_RDONLY)

    def part(self, begin: int, size: int) -> bytes:
        """Some of its bytes; threads do not disturb each other."""
        return os.pread(self._descriptor, size, begin)

    def __del__(self) -> None:
        os.close(self._descriptor)


class ArrayRecords:
    """Records of ArrayRecord files.

    Args:
        paths: of the files.
        lengths: how many records each has.

    Raises:
        ValueError: they hold more or fewer, or a file is none.
    """

    def __init__(self, paths: Sequence[str], lengths: Sequence[int]):
        # tensorflow-datasets requires it; nothing else here needs it.
        from array_record.python import array_record_data_source

        try:
            self._source = array_record_data_source.ArrayRecordDataSource(list(paths))
        except RuntimeError as error:
            raise ValueError(str(error).splitlines()[0]) from error
        if len(self._source) != sum(lengths):
            raise ValueError(
                f"{len(self._source)} examples, not the {sum(lengths)} that it declares"
            )

    def read(self, numbers: np.ndarray) -> list[bytes]:
        """The bytes of records."""
        return list(self._source.__getitems__(numbers.tolist()))


_KINDS: dict[str, Any] = {"array_record": ArrayRecords, "tfrecord": TFRecords}


def _positions(path: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the data of each record of a file begin, int64, and their bytes, int32."""
    begins, sizes = np.empty(length, np.int64), np.empty(length, np.int32)
    end = os.path.getsize(path)
    place = found = 0
    with open(path, "rb", buffering=1 << 16) as file:
        while place < end and found < length:
            file.seek(place)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                break
            size = _HEAD.unpack(head)[0]
            begins[found], place = place + _HEAD.size, place + _HEAD.size
            place += size + _TAIL
            if place > end:
                break
            sizes[found], found = size, found + 1
    if found != length or place != end:
        raise ValueError(
            f"{os.path.basename(path)} does not hold the {length} examples that it "
            "declares"
        )
    return begins, sizes


def order(lengths: Sequence[int], cycle: int) -> np.ndarray:
    """The numbers of a split's examples as TFDS reads them from several files.

    It takes blocks of each of some files in turn; of an ordered set, file by file.

    Args:
        lengths: examples of each file.
        cycle: files that are read in turn; `CYCLE`, or 1 for an ordered set.

    Returns:
        int64 [sum of lengths], numbers of the examples, one file after another.
    """
    ends = np.cumsum(lengths)
    if cycle == 1 or len(lengths) == 1:
        return np.arange(ends[-1], dtype=np.int64)
    shards = tf.data.Dataset.from_tensor_slices((ends - lengths, ends))
    numbers = shards.interleave(
        tf.data.Dataset.range, cycle_length=cycle, block_length=_BLOCK
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    read = numbers.batch(100_000).with_options(options)
    return np.concatenate([batch.numpy() for batch in read])
