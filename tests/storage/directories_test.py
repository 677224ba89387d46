"""What directories promise: complete or absent, no leftovers."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.storage import directories, files, locks, paths
from tests.support.processes import run_python


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


def test_a_directory_appears_when_its_block_ends(tmp_path):
    with directories.atomic_directory(tmp_path / "runs" / "ticket") as directory:
        files.write_bytes(directory + "/mask", b"m")
        assert not (tmp_path / "runs" / "ticket").exists()
        assert paths.list_directory(tmp_path / "runs") == []
    assert names(tmp_path) == ["runs", "runs/ticket", "runs/ticket/mask"]


def test_a_directory_whose_block_raises_never_was(root):
    path = paths.join(root, "ticket")
    with (
        pytest.raises(ZeroDivisionError),
        directories.atomic_directory(path) as directory,
    ):
        files.write_bytes(paths.join(directory, "mask"), b"m")
        raise ZeroDivisionError
    assert not paths.exists(path)
    assert paths.list_directory(root) == []


def test_a_full_directory_is_replaced_only_when_asked(root):
    path = paths.join(root, "ticket")
    with directories.atomic_directory(path) as directory:
        files.write_bytes(paths.join(directory, "old"), b"")
    with (
        pytest.raises(LotteryError, match="ticket exists and is not empty"),
        directories.atomic_directory(path),
    ):
        pass
    assert paths.list_directory(path) == ["old"]
    with directories.atomic_directory(path, overwrite=True) as directory:
        files.write_bytes(paths.join(directory, "new"), b"")
    assert paths.list_directory(path) == ["new"]
    assert paths.list_directory(root) == ["ticket"]


def test_an_empty_directory_is_filled_without_asking(root):
    path = paths.join(root, "ticket")
    paths.make_directory(path)
    with directories.atomic_directory(path + "/") as directory:
        files.write_bytes(paths.join(directory, "new"), b"")
    assert paths.list_directory(path) == ["new"]


def test_replacing_a_directory_that_fails_keeps_the_old_one(tmp_path, monkeypatch):
    with directories.atomic_directory(tmp_path / "ticket") as directory:
        files.write_bytes(directory + "/old", b"")
    rename = os.rename
    calls = []

    def fail_the_third(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise OSError(errno.EIO, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_the_third)
    with (
        pytest.raises(LotteryError, match="ticket: Input/output error"),
        directories.atomic_directory(tmp_path / "ticket", overwrite=True),
    ):
        pass
    assert names(tmp_path) == ["ticket", "ticket/old"]


def test_a_refusal_inside_the_block_names_the_final_directory(tmp_path):
    with (
        pytest.raises(LotteryError) as error,
        directories.atomic_directory(tmp_path / "ticket") as directory,
    ):
        files.read_bytes(directory + "/mask")
    assert str(error.value).startswith(f"cannot read {tmp_path}/ticket/mask: ")


def test_a_directory_gets_the_permissions_that_the_umask_asks_for(tmp_path):
    before = os.umask(0o027)
    try:
        with directories.atomic_directory(tmp_path / "directory"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "directory").stat().st_mode & 0o777 == 0o750


def test_a_file_in_place_of_the_directory_is_named_and_kept(tmp_path):
    (tmp_path / "runs").write_text("mine")
    with (
        pytest.raises(LotteryError, match=r"runs is a file, or lies below one"),
        locks.lock(tmp_path / "runs"),
    ):
        pass
    with (
        pytest.raises(LotteryError, match="runs: Not a directory"),
        directories.atomic_directory(tmp_path / "runs", overwrite=True),
    ):
        pass
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_disk_that_fills_up_in_the_middle_of_a_write_leaves_nothing(tmp_path):
    done = run_python(
        """
        import resource, signal, sys
        import numpy as np
        from lth_keras.storage import arrays, directories, files, paths
        from lth_keras.errors import LotteryError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            with directories.atomic_directory(sys.argv[1] + "/ticket") as directory:
                files.write_bytes(directory + "/small", b"1")
                large = {"x": np.ones(1_000_000)}
                arrays.write_arrays(directory + "/large.npz", large)
        except LotteryError as error:
            print(error)
        """,
        str(tmp_path),
    )
    expected = f"cannot write {tmp_path}/ticket/large.npz: File too large\n"
    assert done.stdout == expected, done.stderr
    assert names(tmp_path) == []


def test_no_file_is_ever_seen_half_written_when_its_writer_is_killed(tmp_path):
    # One interpreter forks the writers, for importing TensorFlow takes seconds.
    done = run_python(
        """
        import os, signal, sys
        import numpy as np
        from lth_keras.storage import arrays, directories, files, paths
        root = sys.argv[1]
        for attempt in range(25):
            ready, started = os.pipe()
            writer = os.fork()
            if writer == 0:
                value = attempt
                while True:
                    array = np.full(100_000, value)
                    arrays.write_arrays(f"{root}/a.npz", {"x": array})
                    files.write_jsonl(f"{root}/a.jsonl", [{"x": value}] * 2_000)
                    with directories.atomic_directory(
                        f"{root}/done{value}", overwrite=True
                    ) as directory:
                        for name in "abc":
                            files.write_json(f"{directory}/{name}", value)
                    os.write(started, b".")
                    value += 25
            for _ in range(1 + attempt % 3):
                assert os.read(ready, 1)
            for _ in range(attempt * 20_000):
                pass
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
            os.close(ready), os.close(started)
            (array,) = arrays.read_arrays(f"{root}/a.npz").values()
            assert array.shape == (100_000,) and len(set(array.tolist())) == 1
            rows = files.read_jsonl(f"{root}/a.jsonl")
            assert len(rows) == 2_000 and len({row["x"] for row in rows}) == 1
            for name in paths.list_directory(root):
                if name.startswith("done"):
                    found = paths.list_directory(f"{root}/{name}")
                    assert found == ["a", "b", "c"], found
        print("leftovers", any(n.startswith(".") for n in os.listdir(root)))
        directories.clean_leftovers(root)
        print("leftovers", any(n.startswith(".") for n in os.listdir(root)))
        """,
        str(tmp_path),
    )
    assert done.stdout == "leftovers True\nleftovers False\n", done.stderr


def test_only_leftovers_are_cleaned(tmp_path):
    leftover = paths.TEMPORARY_PREFIX + "1"
    outside = tmp_path / "outside"
    (outside / leftover).mkdir(parents=True)
    run = tmp_path / "run"
    (run / "level00" / leftover / "deep").mkdir(parents=True)
    (run / leftover).write_text("")
    (run / ".hidden").write_text("")
    (run / ("x" + leftover)).write_text("")
    (run / "link").symlink_to(outside)
    (run / "level00" / (leftover + "2")).symlink_to(outside)
    directories.clean_leftovers(run, recursive=False)
    assert (run / "level00" / leftover / "deep").exists()
    directories.clean_leftovers(run)
    assert names(run) == [".hidden", "level00", "link", "x" + leftover]
    assert (outside / leftover).is_dir()
    directories.clean_leftovers(tmp_path / "absent")


def test_remote_leftovers_are_cleaned(tmp_path):
    root = f"ram://{tmp_path}"
    leftover = paths.TEMPORARY_PREFIX + "1"
    for parts in (["a", "kept"], ["a", leftover], [leftover, "b"]):
        path = paths.join(root, *parts)
        tf.io.gfile.makedirs(path.rpartition("/")[0])
        with tf.io.gfile.GFile(path, "w") as file:
            file.write("1")
    directories.clean_leftovers(root, recursive=False)
    assert tf.io.gfile.listdir(root) == ["a"]
    directories.clean_leftovers(root)
    assert tf.io.gfile.listdir(root + "/a") == ["kept"]
    directories.clean_leftovers(root + "/absent")
