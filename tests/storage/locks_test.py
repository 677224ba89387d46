"""A directory has one holder, and none after its end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.storage import locks, paths
from tests.support.places import ROOT


@pytest.fixture(params=["local", "remote"])
def root(request, tmp_path) -> str:
    """An empty directory, on the disk and on TensorFlow's in-memory file system."""
    if request.param == "local":
        return str(tmp_path)
    return f"ram://{tmp_path}"


def test_the_second_holder_of_a_directory_is_refused(root):
    run = layout.RunDirectory(paths.join(root, "run"))
    with locks.lock(run.root):
        with pytest.raises(LotteryError) as error, locks.lock(run.root):
            pass
        assert str(error.value).startswith(
            f"{run.root} is in use by process {os.getpid()} on "
        )
        assert "\n" not in str(error.value)
        assert paths.exists(run.lock)
    with locks.lock(run.root):
        pass


def test_the_lock_is_free_after_an_error_in_its_block(root):
    with pytest.raises(ZeroDivisionError), locks.lock(root):
        raise ZeroDivisionError
    with locks.lock(root):
        pass


def test_another_process_is_refused_until_its_holder_ends_even_by_sigkill(tmp_path):
    program = """
        import sys
        from lth_keras.storage import locks
        with locks.lock(sys.argv[1]):
            print("held", flush=True)
            sys.stdin.read()
        """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            refusal = f"in use by process {holder.pid} "
            with (
                pytest.raises(LotteryError, match=refusal),
                locks.lock(tmp_path),
            ):
                pass
        finally:
            holder.kill()
    with locks.lock(tmp_path):
        pass


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe", "directory"])
def test_what_is_no_lock_is_refused_and_left_as_it_is(tmp_path, kind):
    run = layout.RunDirectory(str(tmp_path / "run"))
    precious = tmp_path / "precious"
    precious.write_text("kept")
    os.mkdir(run.root)
    if kind == "symbolic link":
        os.symlink(precious, run.lock)
    elif kind == "hard link":
        os.link(precious, run.lock)
    elif kind == "pipe":
        os.mkfifo(run.lock)
    else:
        os.mkdir(run.lock)
    with pytest.raises(LotteryError) as error, locks.lock(run.root):
        pass
    assert str(error.value).startswith(f"{run.lock} is a link, or no regular file")
    assert "\n" not in str(error.value)
    assert precious.read_text() == "kept"


def test_whoever_is_refused_leaves_the_name_of_the_holder(tmp_path):
    with locks.lock(tmp_path):
        said = set()
        for _ in range(2):
            with pytest.raises(LotteryError) as error, locks.lock(tmp_path):
                pass
            said.add(str(error.value))
    assert len(said) == 1
    assert f"in use by process {os.getpid()} on " in said.pop()


def test_the_name_of_a_holder_is_one_short_line_whatever_the_file_says(tmp_path):
    with locks.lock(tmp_path):
        (tmp_path / "lock").write_bytes(b"a\nb\xff" + 10_000 * b"c")
        with pytest.raises(LotteryError) as error, locks.lock(tmp_path):
            pass
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


def test_a_holder_of_an_earlier_version_is_named(tmp_path):
    """It locks the same file, with its name at the very beginning."""
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("process 12 on here")
        file.flush()
        with (
            pytest.raises(LotteryError, match="in use by process 12 on here;"),
            locks.lock(tmp_path),
        ):
            pass
    with locks.lock(tmp_path):
        pass
