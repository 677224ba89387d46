"""Archives of anybody's: nothing is inflated, nothing is allocated unseen."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import arrays, files

MEBIBYTE = 1 << 20


def npy(shape: str, descr: str = "<f4", data: bytes = b"", columns: bool = False):
    """The bytes of a .npy whose header says what it likes."""
    text = f"{{'descr': '{descr}', 'fortran_order': {columns}, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + data


def archive(path, compression=zipfile.ZIP_STORED, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name + ".npy", content)


def refusal(path, **arguments) -> str:
    """The line of what is refused, of which no large part was held in memory."""
    tracemalloc.start()
    try:
        with pytest.raises(LotteryError) as error:
            arrays.read_arrays(path, **arguments)
        assert tracemalloc.get_traced_memory()[1] < 8 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_bomb_is_not_inflated(tmp_path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(16 * MEBIBYTE, np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < MEBIBYTE
    assert "is compressed or encrypted" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "shape",
    [
        "(1099511627776,)",  # 4 TiB
        "(4611686018427387904, 4611686018427387904, 0, 3)",
        "(-3,)",
        "(3,) * 9",
        "[3]",
        "(True,)",
        "(((((((((((((((((((((((((((((((3,",
        "(" + "1," * 100 + ")",
        "(9,)",
        "(2,)",
    ],
)
def test_a_head_that_tells_of_another_array_is_refused(tmp_path, shape) -> None:
    archive(tmp_path / "a.npz", x=npy(shape, data=bytes(12)))
    assert "a.npz is truncated, corrupt or not an arrays file" in refusal(
        tmp_path / "a.npz"
    )


@pytest.mark.parametrize("descr", ["|O", "<U3", "<M8[s]", "|V4", "nonsense", "f4,f4"])
def test_a_head_of_no_numbers_is_refused(tmp_path, descr) -> None:
    archive(tmp_path / "a.npz", x=npy("(1,)", descr, bytes(12)))
    assert "not an arrays file" in refusal(tmp_path / "a.npz")


def test_the_order_of_columns_is_read(tmp_path) -> None:
    content = np.arange(6, dtype="<f4").tobytes()
    archive(tmp_path / "a.npz", x=npy("(2, 3)", data=content, columns=True))
    expected = np.arange(6).reshape(3, 2).T
    np.testing.assert_array_equal(arrays.read_arrays(tmp_path / "a.npz")["x"], expected)


def test_members_that_share_their_bytes_are_refused(tmp_path) -> None:
    # A thousand names for one mebibyte would be a gibibyte.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        np_bytes = npy(f"({MEBIBYTE},)", "|u1", bytes(MEBIBYTE))
        file.writestr("0.npy", np_bytes)
        first = file.infolist()[0]
        for number in range(1, 1000):
            other = zipfile.ZipInfo(f"{number}.npy")
            other.CRC, other.header_offset = first.CRC, first.header_offset
            other.file_size = other.compress_size = first.file_size
            file.filelist.append(other)
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    assert "is not in a place of its own" in refusal(tmp_path / "a.npz")


def test_two_members_of_one_name_are_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", npy("(1,)", data=bytes(4)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x.npy", npy("(1,)", data=bytes(4)))
    assert "two members of one name" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "dtypes", ['{"x": "finfo"}', '{"x": 3}', "[1]", "{", '{"x": "int4"}']
)
def test_dtypes_that_are_none_are_refused(tmp_path, dtypes) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", npy("(3,)", "<u2", bytes(6)))
        file.writestr("dtypes.json", dtypes)
    assert "not an arrays file" in refusal(tmp_path / "a.npz")


def test_the_sha256_is_that_of_every_byte_and_is_compared(tmp_path) -> None:
    path = tmp_path / "a.npz"
    written = {"a": np.arange(400_000.0), "b": np.array(3), "c": np.zeros((0, 2))}
    digest = arrays.write_arrays(path, written)
    assert digest == files.sha256(path)
    found = arrays.read_arrays(path, sha256=digest)
    assert {k: v.tobytes() for k, v in found.items()} == {
        k: v.tobytes() for k, v in written.items()
    }
    content = path.read_bytes()
    for place in (0, 40, 100, len(content) // 2, len(content) - 90, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(arrays.ChecksumError, match="a.npz is truncated or altered"):
            arrays.read_arrays(path, sha256=digest)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(arrays.ChecksumError, match="a.npz is truncated or altered"):
        arrays.read_arrays(path, sha256=digest)


def test_the_bytes_are_those_that_zipfile_writes(tmp_path) -> None:
    written = {
        "a/b:0": np.arange(6.0).reshape(2, 3),
        "scalar": np.array(True),
        "empty": np.zeros((0, 3), np.float16),
        "\N{GREEK SMALL LETTER THETA}": np.arange(2 * MEBIBYTE),
    }
    digest = arrays.write_arrays(tmp_path / "a.npz", written)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        for name, array in written.items():
            member = zipfile.ZipInfo(name + ".npy")
            with file.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
        file.writestr(zipfile.ZipInfo("dtypes.json"), "{}")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert digest == files.sha256(tmp_path / "b.npz")


def test_a_remote_file_has_the_same_sha256(tmp_path) -> None:
    written = {"a": np.arange(5)}
    far = f"ram://{tmp_path}/a.npz"
    digest = arrays.write_arrays(far, written)
    assert digest == arrays.write_arrays(tmp_path / "a.npz", written)
    assert arrays.read_arrays(far, sha256=digest)["a"].tolist() == [0, 1, 2, 3, 4]
