"""A finished job of the search program, and the export program run on it."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import pytest

from lth_keras.programs import (
    command_line,
    export_flags,
    export_ticket,
    lottery_search,
)
from lth_keras.programs import options as settings
from tests.support.places import EXAMPLES

SCRIPT = EXAMPLES / "export_ticket.py"
SEARCH = (
    "--levels=2",
    "--rate=0.6",
    "--iterations=10",
    "--evaluate_every=10",
    "--controls=none",
    "--jit=off",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> pathlib.Path:
    """The directory of a finished job of one trial; no test changes it."""
    folder = tmp_path_factory.mktemp("stored") / "job"
    argv = ["lottery_search.py", *SEARCH, f"--output_dir={folder}"]
    assert command_line.run(lottery_search.main, argv, settings.ARGUMENTS) == 0
    return folder


@pytest.fixture
def job(stored: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the job that a test may change."""
    return pathlib.Path(shutil.copytree(stored, tmp_path / "job"))


def start(*arguments: Any) -> int:
    """The exit code of the program, run in this process."""
    argv = [str(SCRIPT), *map(str, arguments)]
    return command_line.run(export_ticket.main, argv, export_flags.ARGUMENTS)


def refused(capsys, *arguments: Any, code: int = 1) -> str:
    assert start(*arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line
