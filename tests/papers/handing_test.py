"""Data that another process takes are those that were read, while they are there."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from lth_keras.papers import datasets, handing, memory


def made(size: int = 5) -> datasets.Data:
    """Splits of three sizes, of which one is no whole number of pages."""
    rng = np.random.default_rng(0)

    def split(examples: int) -> tuple[np.ndarray, np.ndarray]:
        images = rng.random((examples, 3, 3, 1), np.float32)
        return images, rng.integers(0, 4, examples)

    return datasets.Data("made", split(2000), split(size), split(7), classes=4)


def arrays(data: datasets.Data) -> list[np.ndarray]:
    return [*data.train, *data.validation, *data.test]


def sent(handed: handing.Handed) -> handing.Handed:
    """As another process gets it: without the file."""
    return pickle.loads(pickle.dumps(handed))


def test_what_is_taken_is_what_was_handed_bit_for_bit():
    data = made()
    handed = handing.hand(data)
    found = sent(handed).taken()
    assert (found.name, found.classes) == ("made", 4)
    for ours, theirs in zip(arrays(data), arrays(found), strict=True):
        assert theirs.dtype == ours.dtype and np.array_equal(theirs, ours)


def test_another_process_reads_the_file_and_its_writes_stay_its_own():
    data = made()
    handed = handing.hand(data)
    begin, shape, dtype = handed.arrays[0]
    code = (
        "import numpy as np\n"
        f"a = np.memmap({handed.path!r}, {dtype!r}, 'c', {begin}, {shape})\n"
        "print(repr(float(a[1999, 2, 2, 0])))\na[:] = 0"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) == data.train[0][1999, 2, 2, 0]
    assert np.array_equal(sent(handed).taken().train[0], data.train[0])


def test_tensorflow_reads_what_is_taken_where_it_is():
    handed = handing.hand(made())
    images = sent(handed).taken().train[0]
    tensor = memory.shared(images)
    images[0, 0, 0, 0] = 7  # Which nobody should do, and only this process sees.
    assert float(tensor[0, 0, 0, 0]) == 7


def test_nothing_is_taken_once_the_process_that_handed_it_is_gone():
    handed = handing.hand(made())
    other = sent(handed)
    handed.file.close()
    assert other.taken() is None


def test_a_file_of_another_machine_is_not_taken(tmp_path):
    handed = handing.hand(made())
    with open(handed.path, "rb") as file:
        content = file.read()
    (tmp_path / "same").write_bytes(b"x" * 16 + content[16:])
    other = handing.Handed(str(tmp_path / "same"), *handed.__reduce__()[1][1:])
    assert other.taken() is None
    (tmp_path / "same").write_bytes(content[:5000])  # It was cut short.
    assert other.taken() is None
    (tmp_path / "same").unlink()
    os.mkfifo(tmp_path / "same")  # To open it would wait for ever.
    assert other.taken() is None


@pytest.mark.parametrize("missing", ["room", "proc"])
def test_where_nothing_can_be_handed_it_is_none(monkeypatch, tmp_path, missing):
    if missing == "room":

        def full():
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(handing.tempfile, "TemporaryFile", full)
    else:
        monkeypatch.setattr(handing.os.path, "exists", lambda path: False)
    assert handing.hand(made()) is None
