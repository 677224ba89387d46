"""What files promise: whole or not at all, on the disk and on remote file systems."""

from __future__ import annotations

import json
import os
import pathlib

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.storage import files, paths


def names(directory: os.PathLike | str) -> list[str]:
    """Everything below a directory, unfinished things included."""
    root = pathlib.Path(directory)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.fixture(params=["local", "remote"])
def root(request, tmp_path) -> str:
    """An empty directory, on the disk and on TensorFlow's in-memory file system."""
    if request.param == "local":
        return str(tmp_path)
    return f"ram://{tmp_path}"


# Paths.


def test_removing_a_directory_that_is_not_there_is_nothing(root):
    path = paths.join(root, "a")
    paths.remove_directory(path)
    files.write_bytes(paths.join(path, "b", "c"), b"")
    paths.remove_directory(path)
    assert not paths.exists(path)


# Files.


def test_a_written_file_is_read_back_and_its_directory_made(root):
    path = paths.join(root, "a", "b", "file")
    files.write_bytes(path, b"old")
    files.write_bytes(path, b"new")
    assert files.read_bytes(path) == b"new"
    assert paths.list_directory(paths.join(root, "a", "b")) == ["file"]
    assert paths.exists(path) and not paths.exists(path + "2")


def test_files_get_the_permissions_that_the_umask_asks_for(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_sha256_is_that_of_the_content(root):
    path = paths.join(root, "file")
    files.write_bytes(path, b"abc")
    assert files.sha256(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_json_keeps_plain_data_and_numpy_numbers(root):
    path = paths.join(root, "a.json")
    files.write_json(
        path,
        {
            "text": "ä",
            "tuple": (1, None, True),
            "float32": np.float32(0.5),
            "int64": np.int64(2**53 + 1),
            "bool": np.bool_(True),
            "bfloat16": ml_dtypes.bfloat16(1.5),
            "array": np.arange(3),
        },
    )
    assert files.read_json(path) == {
        "text": "ä",
        "tuple": [1, None, True],
        "float32": 0.5,
        "int64": 2**53 + 1,
        "bool": True,
        "bfloat16": 1.5,
        "array": [0, 1, 2],
    }


def test_floats_that_are_not_finite_are_written_as_null(tmp_path):
    files.write_json(
        tmp_path / "a.json", [float("nan"), np.float32("-inf"), np.array([np.inf])]
    )
    assert json.loads((tmp_path / "a.json").read_text()) == [None, None, [None]]


def test_corrupt_json_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.json").write_text('{\n"a": 1,\n"b" 2}')
    with pytest.raises(LotteryError, match=r"a\.json line 3 is corrupt"):
        files.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": NaN}')
    with pytest.raises(LotteryError, match="NaN is not strict JSON"):
        files.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(LotteryError, match="line 1 is corrupt"):
        files.read_json(tmp_path / "a.json")


def test_jsonl_rows_are_read_back_in_order(root):
    rows = [{"level": 0, "note": "a\u2028b"}, {"level": 1, "loss": None}]
    path = paths.join(root, "results.jsonl")
    files.write_jsonl(path, rows)
    assert files.read_jsonl(path) == rows
    files.write_jsonl(path, [])
    assert files.read_jsonl(path) == []


@pytest.mark.parametrize("line", ['{"level": 1', "[1]", '{"level": Infinity}'])
def test_a_corrupt_jsonl_line_is_refused_with_its_number(tmp_path, line):
    path = tmp_path / "results.jsonl"
    path.write_text('{"level": 0}\n\n' + line + "\n")
    with pytest.raises(LotteryError, match=r"results\.jsonl line 3"):
        files.read_jsonl(path)


def test_reading_what_is_not_there_is_one_line(root):
    path = paths.join(root, "absent")
    for read in (files.read_bytes, files.read_json, files.read_jsonl, files.sha256):
        with pytest.raises(LotteryError, match="cannot read .*absent: ") as error:
            read(path)
        assert "\n" not in str(error.value)


# Failing writes.


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    files.write_bytes(tmp_path / "file", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files.write_bytes(tmp_path / "file", b"new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_remote_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch
):
    path = f"ram://{tmp_path}/file"
    files.write_bytes(path, b"old")

    def fail(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "quota\nmore")

    monkeypatch.setattr(tf.io.gfile, "rename", fail)
    with pytest.raises(LotteryError) as error:
        files.write_bytes(path, b"new")
    assert str(error.value) == f"cannot write {path}: quota"
    assert files.read_bytes(path) == b"old"
    assert tf.io.gfile.listdir(f"ram://{tmp_path}") == ["file"]


def test_a_file_where_a_directory_should_be_is_named(tmp_path):
    (tmp_path / "runs").write_text("mine")
    for write in (
        lambda: files.write_bytes(tmp_path / "runs" / "mnist" / "a", b""),
        lambda: paths.make_directory(tmp_path / "runs"),
    ):
        with pytest.raises(LotteryError, match=r"runs\S* is a file, or lies below one"):
            write()
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_directory_where_a_file_should_be_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(LotteryError, match=r"cannot write .*/a: Is a directory"):
        files.write_bytes(tmp_path / "a", b"")
    assert names(tmp_path) == ["a"]
