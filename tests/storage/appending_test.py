"""A line is added to a whole file, and nothing to any other."""

from __future__ import annotations

import os

import pytest

from lth_keras.storage import appending, files, paths
from tests.support.processes import run_python

LINE = b'{"level": 1}\n'


@pytest.mark.parametrize("before", [b"", b'{"level": 0}\n'])
def test_a_line_is_added_to_a_file_of_whole_lines(before, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(before)
    assert appending.append_line(path, LINE)
    assert path.read_bytes() == before + LINE


def test_what_a_kill_has_cut_in_two_stays_as_it_is(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(LINE + b'{"lev')
    assert not appending.append_line(path, LINE)
    assert path.read_bytes() == LINE + b'{"lev'


def test_no_file_is_made(tmp_path):
    assert not appending.append_line(tmp_path / "a" / "results.jsonl", LINE)
    assert not appending.append_line(tmp_path / "results.jsonl", LINE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_file_elsewhere_is_not_written_through_another_name(make, tmp_path):
    outside, path = tmp_path / "outside", tmp_path / "results.jsonl"
    outside.write_bytes(LINE)
    make(outside, path)
    assert not appending.append_line(path, LINE)
    assert outside.read_bytes() == LINE


def test_a_pipe_or_a_directory_in_its_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not appending.append_line(tmp_path / "pipe", LINE)
    assert not appending.append_line(tmp_path, LINE)


def test_a_disk_that_is_full_is_no_line(tmp_path):
    done = run_python(
        """
        import resource, signal, sys
        from lth_keras.storage import appending
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        open(sys.argv[1], "wb").close()
        print([appending.append_line(sys.argv[1], b"1234567\\n") for _ in range(3)])
        """,
        str(tmp_path / "file"),
    )
    assert done.stdout == "[True, False, False]\n", done.stderr
    # The second has two bytes left, and ends without a line's end.
    assert (tmp_path / "file").read_bytes() == b"1234567\n12"


def test_lines_of_several_processes_stand_whole_beside_each_other(tmp_path):
    done = run_python(
        """
        import os, sys
        from lth_keras.storage import appending
        open(sys.argv[1], "wb").close()
        children = []
        for writer in range(4):
            child = os.fork()
            if child == 0:
                for number in range(250):
                    line = f"{writer} {number} {'x' * 300}\\n".encode()
                    assert appending.append_line(sys.argv[1], line)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        """,
        str(tmp_path / "file"),
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "file").read_text().splitlines()
    assert sorted(lines) == sorted(
        f"{writer} {number} {'x' * 300}" for writer in range(4) for number in range(250)
    )


def test_a_remote_file_is_written_whole(tmp_path):
    path = f"ram://{tmp_path}/results.jsonl"
    assert not appending.append_line(path, LINE)
    assert not paths.exists(path)
    files.write_bytes(path, LINE)
    assert appending.append_line(path, LINE)
    assert files.read_bytes(path) == LINE * 2
    files.write_bytes(path, b"half")
    assert not appending.append_line(path, LINE)
