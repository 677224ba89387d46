"""The main program: what it leaves behind, how it goes on, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.programs import (
    command_line,
    lottery_search,
    searches,
    searching,
    stored_options,
)
from lth_keras.programs import options as settings
from lth_keras.runs import layout
from lth_keras.storage import files, locks
from lth_keras.training import progress
from tests.support.places import EXAMPLES

SCRIPT = EXAMPLES / "lottery_search.py"
SMALL = ("--iterations=20", "--evaluate_every=10", "--jit=off")
ROW_KEYS = [
    "trial",
    "level",
    "control",
    "replicate",
    "parameters",
    "density",
    "effective_density",
    "iterations",
    "early_stop_iteration",
    "early_stop_censored",
    "early_stop_test_accuracy",
    "test_accuracy",
    "validation_loss",
    "train_accuracy",
    "monitor_metric",
    "metrics",
    "early_stop_metrics",
    "initial_test_accuracy",
    "seconds",
    "seed",
]
# Dense layers of 64x300, 300x100 and 100x10 weights, the last at half the rate.
DENSITY_1 = (15_360 + 24_000 + 900) / 50_200


def options(*arguments: str) -> settings.Options:
    return settings.read(["lottery_search.py", *arguments], "")


def start(folder: pathlib.Path, *arguments: str) -> int:
    """The exit code of the program with these flags, run in this process."""
    argv = [str(SCRIPT), *SMALL, f"--output_dir={folder}", *arguments]
    return command_line.run(lottery_search.main, argv, settings.ARGUMENTS)


def rows(folder: pathlib.Path) -> list[dict]:
    """The result lines without the one thing that may differ between two runs."""
    found = files.read_jsonl(folder / "results.jsonl")
    return [{**row, "seconds": None} for row in found]


def one_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


TWO_TRIALS = ("--levels=1", "--trials=2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> pathlib.Path:
    """The directory of a job of two trials; no test changes it."""
    folder = tmp_path_factory.mktemp("finished") / "job"
    assert start(folder, *TWO_TRIALS) == 0
    return folder


# What it leaves behind.


def test_every_run_has_one_line_by_trial_then_levels_then_controls(finished):
    runs = [(0, "ticket"), (1, "ticket"), (1, "random_reinit")]
    found = rows(finished)
    assert [(row["trial"], row["level"], row["control"]) for row in found] == [
        (trial, *run) for trial in range(2) for run in runs
    ]
    assert [list(row) for row in found] == [ROW_KEYS] * 6
    assert {row["iterations"] for row in found} == {20}


def test_the_output_layer_is_pruned_at_half_the_rate(finished):
    assert [row["density"] for row in rows(finished)[:2]] == [1.0, DENSITY_1]


def test_every_level_leaves_its_ticket(finished):
    for trial in range(2):
        for level in range(2):
            path = finished / f"trial{trial}" / f"level{level:02d}" / "ticket"
            assert lth.Ticket.load(path).level == level


def test_trials_have_initial_weights_of_their_own(finished):
    first, second = (
        lth.Ticket.load(finished / f"trial{trial}" / "level00" / "ticket")
        for trial in range(2)
    )
    assert not np.array_equal(first.weights[0].value, second.weights[0].value)
    assert (first.seed, second.seed) == (0, searches.trial_seed(0, 1))


def test_the_flags_are_stored_and_can_be_had_back(finished, tmp_path):
    stored = json.loads((finished / "settings.json").read_text())["flags"]
    assert stored["levels"] == 1
    assert stored["controls"] == ["random_reinit"]
    assert "output_dir" not in stored
    directory = layout.ExperimentDirectory(str(finished))
    given = options(*SMALL, *TWO_TRIALS, f"--output_dir={finished}")
    assert stored_options.options_of(directory) == given
    stored["strange"] = stored.pop("levels")
    files.write_json(tmp_path / "settings.json", {"flags": stored})
    with pytest.raises(LotteryError, match="another version.*levels, strange"):
        stored_options.options_of(layout.ExperimentDirectory(str(tmp_path)))


def test_a_finished_job_only_shows_its_report_again(finished, monkeypatch, capfd):
    before = (finished / "results.jsonl").read_bytes()
    monkeypatch.setattr(searching, "Searches", None)
    assert start(finished, *TWO_TRIALS) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert (finished / "results.jsonl").read_bytes() == before
    assert "random_reinit (n=2)" in out
    ends = [line.split()[-1] for line in out.splitlines()[-4:]]
    assert ends == [
        str(finished / "results.jsonl"),
        str(finished / "trial0" / "level01" / "ticket"),
        str(finished / "trial1" / "level01" / "ticket"),
        str(finished / "figure.png"),
    ]
    assert all(os.path.exists(path) for path in ends)


def test_without_matplotlib_it_says_so_and_succeeds(finished, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    assert start(finished, *TWO_TRIALS) == 0
    out, err = capfd.readouterr()
    assert "pip install matplotlib" in out.splitlines()[-1]
    assert err == ""


@pytest.mark.slow
def test_rewound_levels_start_at_that_iteration(tmp_path):
    folder = tmp_path / "job"
    # An epoch of 1,259 examples is 10 whole batches of 120.
    flags = ("--levels=1", "--batch_size=120", "--rewind_to=1ep", "--controls=none")
    assert start(folder, *flags) == 0
    assert lth.Ticket.load(folder / "trial0" / "level01" / "ticket").step == 10
    assert [row["iterations"] for row in rows(folder)] == [20, 20]


# How it goes on.


@pytest.mark.slow
def test_a_stopped_job_goes_on_and_ends_the_same(
    finished, tmp_path, monkeypatch, capfd
):
    folder = tmp_path / "job"
    shown: list[int] = []

    def stop(self: progress.Progress, row: dict) -> None:
        shown.append(row["level"])
        if len(shown) in (2, 4):
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Progress, "finish", stop)
    codes = [start(folder, *TWO_TRIALS) for _ in range(3)]
    assert codes == [130, 130, 0]
    assert shown == [0, 1, 1, 0, 1, 1]
    out, err = capfd.readouterr()
    assert "going on: 2 of 6 runs are stored" in out
    assert [line.count("--trials=2") for line in err.splitlines()] == [1, 1]
    assert rows(folder) == rows(finished)


def test_other_flags_are_refused_by_name(finished, capfd):
    before = (finished / "settings.json").read_bytes()
    assert start(finished, "--levels=3", "--rate=0.3", "--controls=none") == 1
    line = one_line(capfd.readouterr().err)
    assert "--levels (stored 1, given 3)" in line
    assert "--rate (stored the paper's, given 0.3)" in line
    assert "--trials" not in line and "--controls" not in line
    assert (finished / "settings.json").read_bytes() == before


@pytest.mark.slow
def test_a_job_goes_on_with_more_trials_and_controls(finished, tmp_path, capfd):
    folder = tmp_path / "job"
    assert start(folder, "--levels=1", "--controls=none") == 0
    assert len(rows(folder)) == 2
    assert start(folder, *TWO_TRIALS) == 0
    assert rows(folder) == rows(finished)
    # What is stored is not lost by asking for less.
    assert start(folder, "--levels=1", "--controls=none") == 0
    assert rows(folder) == rows(finished)


def test_a_second_process_is_refused(finished, capfd):
    with locks.lock(finished):
        assert start(finished, *TWO_TRIALS) == 1
    assert "is in use by process" in one_line(capfd.readouterr().err)


# What it refuses.


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        (["--levels=-1"], 2, "--levels=-1: use a whole number, 0 to 10000"),
        (["--rewind_to=20it"], 2, "--rewind_to=20it is iteration 20, past the end"),
        (["--rewind_to=3ep"], 2, "--rewind_to=3ep is iteration 60, past the end"),
        (["--controls=none,x"], 2, "--controls=none: control 'none' is not known"),
        (["--rate=0.9"], 2, "--levels=18: level 5 would leave dense1/kernel"),
        (
            ["--rate=0.9", "--scope=global"],
            2,
            "--levels=18: level 6 would leave the network",
        ),
        (["--batch_size=2000"], 1, "--batch_size=2000 is more than the 1259 examples"),
        (["--model=vgg16"], 1, "--model='vgg16' halves the image 4 times"),
        (["--dataset=no_such_set"], 1, "--dataset='no_such_set' is unknown"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    tmp_path, capfd, flags, code, text
):
    assert start(tmp_path / "job", *flags) == code
    assert one_line(capfd.readouterr().err).startswith(f"lottery_search.py: {text}")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_named_with_its_flag(tmp_path, capfd):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "job"
    assert start(folder) == 1
    assert f"--output_dir={folder}: cannot" in one_line(capfd.readouterr().err)


@pytest.mark.slow
def test_a_full_disk_is_one_line(tmp_path, capfd, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert start(tmp_path / "job") == 1
    line = one_line(capfd.readouterr().err)
    assert re.search(r"cannot write .*settings\.json: No space left on device", line)
    monkeypatch.undo()
    assert start(tmp_path / "job", "--levels=0") == 0


@pytest.mark.slow
def test_a_loss_of_nan_is_one_line_and_finished_levels_stay(
    tmp_path, capfd, monkeypatch
):
    folder = tmp_path / "job"
    assert start(folder, "--learning_rate=1e38", "--levels=1") == 1
    line = one_line(capfd.readouterr().err)
    assert "level 0" in line and "NaN at iteration" in line
    assert not (folder / "results.jsonl").exists()


def test_a_directory_of_something_else_is_refused(tmp_path, capfd):
    (tmp_path / "trial0").mkdir()
    assert start(tmp_path) == 1
    assert "trials but no settings.json" in one_line(capfd.readouterr().err)
    (tmp_path / "settings.json").write_text("[]")
    assert start(tmp_path) == 1
    assert "settings.json" in one_line(capfd.readouterr().err)


# As a program of its own.


@pytest.fixture
def program(tmp_path) -> Callable[..., subprocess.Popen]:
    """Starts the script in the test's folder, as a user does."""
    path = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

    def begin(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), *SMALL, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A suite that was started in the background would ignore Ctrl-C, and
            # what it starts would too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return begin


@pytest.mark.slow
def test_a_whole_job_succeeds_without_a_word_on_the_standard_error(program, tmp_path):
    process = program("--levels=1")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert f"{100 * DENSITY_1:.1f}" in out
    assert len(rows(tmp_path / "runs" / "digits_lenet")) == 3


def test_a_wrong_flag_is_one_line_and_exit_code_2(program, tmp_path):
    process = program("--rate=1.5")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    assert one_line(err).startswith("lottery_search.py: --rate=1.5: use a fraction")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_control_c_is_one_line_and_exit_code_130(program):
    process = program("--levels=18", "--iterations=200")
    process.stdout.readline()
    process.stdout.readline()  # The first run is finished.
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "go on: python" in one_line(err)
