"""How large is what was written? Its bytes, and those that a compressor leaves."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator

from lth_keras.errors import LotteryError

_GZIP_LEVEL = 6


def sizes(path: str) -> tuple[int, int]:
    """Bytes of a local file or directory, plain and as one gzip stream.

    Raises:
        LotteryError: it cannot be read.
    """
    plain = 0
    counter = _Counter()
    try:
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, counter, mtime=0) as packed:
            for name in _files(path):
                with open(name, "rb") as file:
                    while chunk := file.read(1 << 20):
                        plain += len(chunk)
                        packed.write(chunk)
    except OSError as error:
        raise LotteryError(f"cannot read {path}: {error.strerror}") from error
    return plain, counter.count


class _Counter:
    """A file that remembers only how much was written."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
    for top, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(top, name)
