"""Controls of a finished search, from its directory alone."""

from __future__ import annotations

import pathlib
import shutil

import pytest

import lth_keras as lth
from lth_keras.programs import (
    command_line,
    lottery_search,
    options,
    plot_results,
    run_controls,
)
from lth_keras.storage import files

SMALL = ("--iterations=20", "--evaluate_every=10", "--jit=off", "--levels=2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("search") / "run"
    argv = ["lottery_search.py", *SMALL, "--controls=none", f"--output_dir={folder}"]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    return folder


@pytest.fixture
def job(finished, tmp_path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(finished, tmp_path / "run"))


def start(*arguments: str) -> int:
    argv = ["run_controls.py", *map(str, arguments)]
    return command_line.run(run_controls.main, argv, options.ARGUMENTS)


def controls(folder: pathlib.Path) -> list[tuple[str, int, int, dict]]:
    return [
        (row["control"], row["level"], row["replicate"], row["parameters"])
        for row in files.read_jsonl(folder / "results.jsonl")
        if row["control"] != "ticket"
    ]


@pytest.mark.slow
def test_controls_are_added_to_a_search_that_is_not_trained_again(job, capfd):
    trained = job / "trial0" / "level02" / "trained" / "weights.npz"
    written = trained.stat().st_mtime_ns
    names = "--controls=one_shot,noise:sigma=2"
    assert start(job, names, "--levels=2", "--replicates=2") == 0
    assert controls(job) == [
        ("noise", 2, 0, {"sigma": 2.0}),
        ("noise", 2, 1, {"sigma": 2.0}),
        ("one_shot", 2, 0, {}),
        ("one_shot", 2, 1, {}),
    ]
    assert trained.stat().st_mtime_ns == written
    out, err = capfd.readouterr()
    assert err == ""
    assert "noise sigma=2.0" in out
    # Other ones later, and those that are there already, in one go.
    before = controls(job)
    assert start(job, "--controls=random_mask,one_shot", "--levels=1,2") == 0
    assert controls(job) == [
        *before[:2],
        ("one_shot", 1, 0, {}),
        *before[2:],
        ("random_mask", 1, 0, {}),
        ("random_mask", 2, 0, {}),
    ]


@pytest.mark.slow
def test_tickets_of_another_job_are_trained_by_their_directory(job, finished, capfd):
    shutil.copytree(finished, job.parent / "other, of 1:2")
    other = f"{job.parent}/other%2C of 1%3A2"
    name = f"--controls=transfer:ticket={other}:head=ticket"
    assert start(job, name, "--levels=1,2") == 0
    (one, two) = controls(job)
    assert (one[0], one[1], two[1]) == ("transfer", 1, 2)
    assert one[3]["ticket"] == f"{job.parent}/other, of 1:2"
    assert "other, of 1:2" in capfd.readouterr().out
    # The same job's tickets: those of the search itself.
    leaf = f"trial0/controls/{lth.controls.parse(name[11:]).key}/level02-r0/ticket"
    found = lth.Ticket.load(job / leaf)
    own = lth.Ticket.load(job / "trial0/level02/ticket")
    assert [w.value.tobytes() for w in found.weights] == [
        w.value.tobytes() for w in own.weights
    ]
    # It is there already, and the job is shown, drawn and reproduced with it.
    assert start(job, name, "--levels=1,2") == 0
    argv = ["plot_results.py", str(job), f"--output_dir={job.parent / 'shown'}"]
    assert command_line.run(plot_results.main, argv) == 0


@pytest.mark.slow
def test_a_control_run_later_is_the_one_that_the_search_would_have_run(job, tmp_path):
    assert start(job, "--controls=random_reinit") == 0
    other = tmp_path / "at_once"
    argv = ["lottery_search.py", *SMALL, f"--output_dir={other}"]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0

    def rows(folder: pathlib.Path) -> list[dict]:
        found = files.read_jsonl(folder / "results.jsonl")
        return [{**row, "seconds": 0} for row in found]

    assert rows(job) == rows(other)
    leaf = pathlib.Path("trial0/controls/random_reinit/level02-r0/ticket")
    assert (
        lth.Ticket.load(job / leaf).fingerprint
        == lth.Ticket.load(other / leaf).fingerprint
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--controls=nothing"], "--controls=nothing: control 'nothing' is not known"),
        (["--controls=noise", "--levels=3"], "--levels=3: the search in"),
        (["--controls=one_shot", "--levels=0"], "--levels=0: the search in"),
        (["--controls=noise", "more"], "'more' is no flag"),
        (["--controls=noise", "--workers=1"], "--workers=1: several threads and one"),
        (["--controls=noise:sigma=-1"], "noise:sigma=-1 is not allowed"),
        (["--controls=weight_rewind:step=20it"], "past the end of a run of 20"),
        (["--controls=weight_rewind:step=1ep"], "write the step in iterations"),
        (["--controls=transfer:ticket=no/run"], "ticket=no/run has no ticket: name"),
        (["--controls=transfer"], "needs a value: write transfer:ticket=..."),
        ([], "--controls is missing: name one or more"),
    ],
)
def test_what_cannot_be_run_is_one_line(finished, capfd, arguments, message):
    assert start(finished, *arguments) != 0
    (line,) = capfd.readouterr().err.splitlines()
    assert message in line


@pytest.mark.slow
def test_it_covers_every_trial_that_there_is(job):
    argv = ["lottery_search.py", *SMALL, "--controls=none", f"--output_dir={job}"]
    assert command_line.run(lottery_search.main, [*argv, "--trials=2"]) == 0
    assert command_line.run(lottery_search.main, argv) == 0
    assert start(job, "--controls=random_mask", "--levels=2") == 0
    found = files.read_jsonl(job / "results.jsonl")
    assert [r["trial"] for r in found if r["control"] == "random_mask"] == [0, 1]


@pytest.mark.slow
def test_a_search_that_has_not_reached_a_level_is_not_trained(job, capfd):
    (job / "trial0" / "level02" / "result.json").unlink()
    assert start(job, "--controls=random_mask") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "trial 0" in line and "has not finished level 2" in line
    assert start(job, "--controls=random_mask", "--levels=1") == 0
    assert not (job / "trial0" / "level02" / "result.json").exists()


@pytest.mark.slow
def test_a_step_between_two_evaluations_can_be_rewound_to(job):
    assert start(job, "--controls=weight_rewind:step=3it", "--levels=2") == 0
    path = job / "trial0/controls/weight_rewind,step=3it/level02-r0/ticket"
    assert lth.Ticket.load(path).step == 3


@pytest.mark.slow
def test_a_control_that_diverges_stops_no_other(job, capfd):
    names = "--controls=noise:sigma=1e38,random_mask"
    assert start(job, names, "--levels=2") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "1 of 2 runs diverged, the others are stored" in line and "noise" in line
    assert controls(job) == [("random_mask", 2, 0, {})]


@pytest.mark.slow
def test_one_control_written_in_two_ways_is_one(job):
    names = "--controls=noise,noise:sigma=0.5,noise:sigma=.5"
    assert start(job, names, "--levels=2") == 0
    assert controls(job) == [("noise", 2, 0, {"sigma": 0.5})]


def test_a_directory_of_something_else_is_refused(tmp_path, capfd):
    assert start(tmp_path, "--controls=noise") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "is no --output_dir of lottery_search.py" in line
    assert start("--controls=noise") == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "RUN_DIR is missing" in line
    assert not list(tmp_path.iterdir())
