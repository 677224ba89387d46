"""A directory has one holder, and none after its end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.storage import files, locks, paths
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


def test_a_killed_remote_holder_says_which_object_to_remove(tmp_path):
    run = layout.RunDirectory(f"ram://{tmp_path}/run")
    files.write_bytes(run.lock, b"process 1 on elsewhere")
    with (
        pytest.raises(LotteryError, match=f"process 1 on elsewhere.*{run.lock}"),
        locks.lock(run.root),
    ):
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
