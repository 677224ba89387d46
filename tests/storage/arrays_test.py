"""What arrays files promise: exact bits, equal bytes, no pickles, no half files."""

from __future__ import annotations

import errno
import os

import ml_dtypes
import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import arrays, files, paths


@pytest.fixture(params=["local", "remote"])
def root(request, tmp_path) -> str:
    """An empty directory, on the disk and on TensorFlow's in-memory file system."""
    if request.param == "local":
        return str(tmp_path)
    return f"ram://{tmp_path}"


def test_arrays_come_back_bit_for_bit(root):
    payloads = np.array([0x7FC00001, 0xFFA00000, 0x80000000, 1], np.uint32)
    brain = np.array([[0x8000, 0x7FC1], [0xFF81, 1]], np.uint16)
    written = {
        "dense/kernel:0": payloads.view(np.float32),
        "brain": brain.view(ml_dtypes.bfloat16),
        "scalar": np.array(-0.0),
        "brain scalar": np.array(brain[0, 0]).view(ml_dtypes.bfloat16),
        "float8": np.arange(5, dtype=np.uint8).view(ml_dtypes.float8_e4m3fn),
        "empty": np.zeros((0, 3), np.float16),
        "mask": np.array([True, False]),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "strided": np.arange(10)[::3],
        "file": np.array(1),
        "a.npy": np.array(2, np.int8),
        "dtypes.json": np.array(1j),
        "../up": np.array(3),
    }
    path = paths.join(root, "weights.npz")
    arrays.write_arrays(path, written)
    found = arrays.read_arrays(path)
    assert list(found) == list(written)
    for name, array in written.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name
        assert found[name].flags.writeable, name


def test_arrays_of_numpys_dtypes_are_an_ordinary_npz(tmp_path):
    arrays.write_arrays(tmp_path / "a.npz", {"a/b:0": np.arange(3)})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["a/b:0"].tolist() == [0, 1, 2]
    np.savez(tmp_path / "b.npz", x=np.ones(2))
    assert arrays.read_arrays(tmp_path / "b.npz")["x"].tolist() == [1.0, 1.0]


def test_equal_arrays_give_equal_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        arrays.write_arrays(tmp_path / name, {"x": np.arange(3.0)})
    assert files.sha256(tmp_path / "a.npz") == files.sha256(tmp_path / "b.npz")


@pytest.mark.parametrize("array", [np.array([{}]), np.array(["a"])])
def test_arrays_of_anything_but_numbers_are_refused(tmp_path, array):
    with pytest.raises(LotteryError, match="array 'x' has dtype"):
        arrays.write_arrays(tmp_path / "a.npz", {"x": array})
    assert os.listdir(tmp_path) == []


def test_reading_arrays_that_are_not_there_is_one_line(root):
    with pytest.raises(LotteryError, match="cannot read .*absent: ") as error:
        arrays.read_arrays(paths.join(root, "absent"))
    assert "\n" not in str(error.value)


def test_an_arrays_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    arrays.write_arrays(path, {"x": np.arange(3, dtype=np.int8)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(LotteryError, match=r"a\.npz is truncated, corrupt"):
            arrays.read_arrays(path)


def test_a_changed_bit_of_an_array_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    arrays.write_arrays(path, {"x": np.full(4, 0x55AA55AA, np.uint32)})
    content = bytearray(path.read_bytes())
    content[content.index(b"\xaa\x55\xaa\x55") + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(LotteryError, match="corrupt"):
        arrays.read_arrays(path)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(LotteryError, match="allow_pickle=False"):
        arrays.read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, call, number
):
    path = tmp_path / "a.npz"
    arrays.write_arrays(path, {"x": np.arange(3)})
    with monkeypatch.context() as patch:

        def fail(*_):
            raise OSError(number, os.strerror(number))

        patch.setattr(os, call, fail)
        with pytest.raises(LotteryError) as error:
            arrays.write_arrays(path, {"x": np.arange(4)})
    assert str(error.value) == f"cannot write {path}: {os.strerror(number)}"
    assert os.listdir(tmp_path) == ["a.npz"]
    assert arrays.read_arrays(path)["x"].tolist() == [0, 1, 2]
