"""How do bytes survive a kill? Atomic files and directories, locks, arrays.

Local or remote (gs://, ram://). NumPy is all that it needs; TensorFlow is asked for
remote paths alone.
"""

from lth_keras.storage.arrays import read_arrays, write_arrays
from lth_keras.storage.directories import atomic_directory, clean_leftovers
from lth_keras.storage.files import (
    atomic_file,
    read_bytes,
    read_json,
    read_jsonl,
    sha256,
    write_bytes,
    write_json,
    write_jsonl,
)
from lth_keras.storage.locks import lock
from lth_keras.storage.paths import PathLike, as_path, exists, is_remote, join

__all__ = [
    "PathLike",
    "as_path",
    "atomic_directory",
    "atomic_file",
    "clean_leftovers",
    "exists",
    "is_remote",
    "join",
    "lock",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_jsonl",
    "sha256",
    "write_arrays",
    "write_bytes",
    "write_json",
    "write_jsonl",
]
