"""What a program prints into a pipe that is closed, a full disk, few letters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.places import ROOT

SCRIPT = """
import sys
from lth_keras.programs import command_line

def main(argv):
    if "--flags" in argv:
        raise command_line.FlagError("--a is wrong")
    if "--help" in argv:
        command_line.parse(__import__("absl.flags").flags.FlagValues(), argv, "About.")
    for _ in range(int(argv[1])):
        print("caf\\u00e9" * 10, flush="--flush" in argv)

sys.exit(command_line.run(main, ["program", *sys.argv[1:]]))
"""


def ended(*arguments: str, stdout, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output (of a pipe) and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout or "", done.stderr


@pytest.fixture
def closed():
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    "arguments",
    [("1",), ("1", "--flush"), ("100000",)],
    ids=["held", "flushed", "long"],
)
def test_a_closed_output_is_one_line_that_says_how_to_go_on(closed, arguments):
    code, _, error = ended(*arguments, stdout=closed)
    assert code == 1
    assert error == (
        "program: the output cannot be written (Broken pipe); finished runs are "
        f"stored, go on: program {' '.join(arguments)}\n"
    )


def test_help_into_a_closed_output_is_one_line(closed):
    code, _, error = ended("--help", stdout=closed)
    assert (code, error) == (
        1,
        "program: the output cannot be written (Broken pipe)\n",
    )


def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        code, _, error = ended("1", stdout=full)
    assert code == 1
    assert error.startswith("program: the output cannot be written (No space left")
    assert error.count("\n") == 1


def test_a_wrong_flag_is_said_where_the_output_is_closed(closed):
    code, _, error = ended("--flags", stdout=closed)
    assert (code, error) == (2, "program: --a is wrong\n")


def test_letters_that_the_output_has_not_are_escaped():
    code, text, error = ended("1", stdout=subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert (code, text, error) == (0, r"caf\xe9" * 10 + "\n", "")


def test_without_any_output_a_program_runs():
    line = [sys.executable, "-c", SCRIPT, "1"]
    code = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *line], cwd=ROOT, timeout=60, check=False
    ).returncode
    assert code == 0
