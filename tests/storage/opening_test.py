"""What is read is a regular file of a size that is right for it, and nothing else."""

from __future__ import annotations

import os
import socket

import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import arrays, files, locks

READERS = (files.read_bytes, files.read_json, files.sha256, arrays.read_arrays)


def linked(path) -> None:
    (path.parent / "target").write_text("{}")
    path.symlink_to(path.parent / "target")


def piped(path) -> None:
    os.mkfifo(path)


def listened_to(path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        # The name of a socket is short.
        before = os.getcwd()
        os.chdir(path.parent)
        try:
            one.bind(path.name)
        finally:
            os.chdir(before)


@pytest.mark.parametrize(
    ("make", "kind"),
    [(linked, "a symbolic link"), (piped, "a named pipe"), (listened_to, "a socket")],
)
def test_what_is_no_regular_file_is_named_and_not_read(tmp_path, make, kind) -> None:
    path = tmp_path / "a"
    make(path)
    for read in READERS:
        with pytest.raises(LotteryError, match=f"a is {kind}: put the regular file"):
            read(path)


def test_a_device_without_an_end_is_not_read() -> None:
    for read in READERS:
        with pytest.raises(LotteryError, match="/dev/zero is a device"):
            read("/dev/zero")


def test_a_directory_is_no_file(tmp_path) -> None:
    for read in READERS:
        with pytest.raises(LotteryError, match="cannot read .*: Is a directory"):
            read(tmp_path)


def test_a_file_below_a_linked_directory_is_read(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("1")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert files.read_json(tmp_path / "link" / "a") == 1


@pytest.mark.parametrize("name", ["a.json", "a.npz"])
def test_the_size_is_looked_at_before_the_content(tmp_path, name) -> None:
    path = tmp_path / name
    with open(path, "wb") as file:
        file.truncate(1 << 42)  # 4 TiB of nothing
    with pytest.raises(LotteryError, match="has 4398046511104 bytes, and at most"):
        files.read_json(path)
    with pytest.raises(LotteryError, match="at most 1000 are right for it"):
        arrays.read_arrays(path, limit=1000)


def test_a_remote_file_has_a_size_too(tmp_path) -> None:
    path = f"ram://{tmp_path}/a.json"
    files.write_bytes(path, b"1234")
    assert files.read_json(path, limit=4) == 1234
    with pytest.raises(LotteryError, match="has 4 bytes, and at most 3"):
        files.read_json(path, limit=3)


@pytest.mark.parametrize("make", [linked, piped, listened_to])
def test_a_lock_that_leads_elsewhere_is_neither_written_nor_waited_for(
    tmp_path, make
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    make(run / "lock")
    with pytest.raises(LotteryError, match="lock is a"), locks.lock(run):
        pass
    if make is linked:
        assert (run / "target").read_text() == "{}"
