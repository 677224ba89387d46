"""A user's own search gets trials, controls and a directory, and goes on."""

from __future__ import annotations

import pathlib
import shutil
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.experiments import Experiment, engines
from lth_keras.storage import files, locks, paths
from lth_keras.training import one_run
from lth_keras.training.progress import Progress
from tests.support.small_search import BATCH, VALIDATION, X, Y, compiled, fingerprints

Made = tuple[lth.LotterySearch, dict[str, Any]]


def small(levels: int = 1, **fit: Any) -> Callable[[int, str], Made]:
    """A function that makes searches of a few iterations; its model has no seed."""

    def make_search(trial: int, directory: str) -> Made:
        model = keras.Sequential(
            [
                keras.layers.Dense(8, "relu", input_shape=(6,)),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(3),
            ]
        )
        search = lth.LotterySearch(
            compiled(model), levels, directory, trial=trial, seed=trial
        )
        given = {"batch_size": BATCH, "validation_data": VALIDATION, **fit}
        return search, {"x": X, "y": Y, "epochs": 2, **given}

    return make_search


def rows_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "seconds": 0} for row in found]


def stored(folder: pathlib.Path) -> list[dict[str, Any]]:
    return rows_of(files.read_jsonl(folder / "results.jsonl"))


CONTROLS = ("random_reinit", "noise:sigma=2")


def experiment(folder: Any, make: Any = None, **arguments: Any) -> Experiment:
    given = {"trials": 2, "controls": CONTROLS, **arguments}
    return Experiment(make or small(), directory=folder, **given)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> pathlib.Path:
    """The directory of a whole experiment; no test changes it."""
    folder = tmp_path_factory.mktemp("finished") / "job"
    experiment(folder).run()
    return folder


# What it leaves behind.


def test_every_run_has_one_line_by_trial_then_levels_then_controls(finished):
    kinds = ["ticket", "ticket", "noise", "random_reinit"]
    found = experiment(finished).rows
    assert [(row["trial"], row["control"]) for row in found] == [
        (trial, kind) for trial in (0, 1) for kind in kinds
    ]
    assert stored(finished) == rows_of(found)


@pytest.mark.slow
def test_trials_begin_with_weights_of_their_own_that_follow_the_trial(
    finished, tmp_path
):
    first, second = (
        lth.Ticket.load(finished / f"trial{trial}" / "level00" / "ticket")
        for trial in (0, 1)
    )
    assert not np.array_equal(first.weights[0].value, second.weights[0].value)
    # The model has no seed, but the experiment does.
    keras.utils.set_random_seed(8)
    again = experiment(tmp_path, trials=1, controls=()).run()
    assert fingerprints(tmp_path) == fingerprints(finished / "trial0")[-2:]
    assert rows_of(again) == stored(finished)[:2]


@pytest.mark.slow
def test_progress_is_a_line_for_each_run(tmp_path, capsys):
    experiment(tmp_path / "job", trials=1, controls="random_mask").run()
    head, *lines = capsys.readouterr().out.splitlines()
    # 6x8 and 8x3 weights; the kernels alone are pruned.
    assert head == (
        "1 trial of 2 levels: 72 prunable weights; controls: random_mask -> "
        f"{tmp_path}/job"
    )
    assert [line.split("  ")[:2] for line in lines] == [
        [" 33 %", "ticket level 0/1"],
        [" 67 %", "ticket level 1/1"],
        ["100 %", "random_mask level 1/1"],
    ]


@pytest.mark.slow
def test_callbacks_and_what_is_told_of_results_stay_the_users(tmp_path):
    told: list[int] = []
    begun: list[int] = []
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=100.0)

    def make(callbacks: Any) -> Any:
        def make_search(trial: int, directory: str) -> Made:
            search = lth.LotterySearch(
                compiled(),
                1,
                directory,
                on_result=lambda row: told.append(row["level"]),
            )
            given = {"x": X, "y": Y, "batch_size": BATCH, "callbacks": callbacks}
            return search, {**given, "epochs": 5, "validation_data": VALIDATION}

        return make_search

    # Keras's own with state begin anew at each level: both stop after two epochs.
    found = experiment(tmp_path / "a", make([stop]), trials=1, controls=()).run()
    assert [row["iterations"] for row in found] == [10, 10]

    def by_level(level: int) -> list[keras.callbacks.Callback]:
        begun.append(level)
        return []

    experiment(tmp_path / "b", make(by_level), trials=1, controls=()).run()
    assert told == [0, 1, 0, 1]
    assert sorted(set(begun)) == [0, 1]


@pytest.mark.slow
def test_controls_run_at_the_levels_that_are_named(tmp_path):
    one = experiment(
        tmp_path,
        small(levels=3, epochs=1),
        trials=1,
        controls="random_mask",
        levels=[2],
        replicates=2,
    )
    found = [(r["control"], r["level"], r["replicate"]) for r in one.run()[4:]]
    assert found == [("random_mask", 2, replicate) for replicate in (0, 1)]


# How it goes on.


@pytest.mark.slow
def test_a_stopped_experiment_goes_on_and_ends_the_same(
    finished, tmp_path, monkeypatch, capsys
):
    shown: list[int] = []

    def stop(self: Progress, row: dict) -> None:
        shown.append(row["level"])
        if len(shown) in (1, 3):
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "finish", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            experiment(tmp_path, trials=1).run()
    assert rows_of(experiment(tmp_path, trials=1).run()) == stored(finished)[:4]
    assert shown == [0, 1, 1, 1]
    assert "going on: 3 of 4 runs are stored" in capsys.readouterr().out
    assert fingerprints(tmp_path) == fingerprints(finished / "trial0")


def test_a_finished_experiment_returns_its_rows_and_trains_nothing(
    finished, monkeypatch, capsys
):
    monkeypatch.setattr(one_run, "carry_out", None)
    assert rows_of(experiment(finished).run()) == stored(finished)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.parametrize("all_stored", [True, False])
def test_lines_that_a_kill_has_lost_are_made_again(finished, tmp_path, all_stored):
    place = pathlib.Path(shutil.copytree(finished, tmp_path / "job"))
    names = ("results.jsonl", "trial0/results.jsonl", "trial1/results.jsonl")
    for name, lost in zip(names, (25, 1, 400), strict=True):
        content = (place / name).read_bytes()
        (place / name).write_bytes(content[:-lost])
    leftover = place / "trial0" / (paths.TEMPORARY_PREFIX + "1")
    leftover.write_text("half")
    if not all_stored:
        (place / "trial1/controls/noise,sigma=2.0/level01-r0/result.json").unlink()
    experiment(place).run()
    assert stored(place) == stored(finished)
    for name in names[1:]:
        assert rows_of(files.read_jsonl(place / name)) == rows_of(
            files.read_jsonl(finished / name)
        )
    assert not leftover.exists()


@pytest.mark.slow
def test_more_trials_and_controls_may_be_asked_for_later(finished, tmp_path):
    experiment(tmp_path, trials=1, controls=()).run()
    assert rows_of(experiment(tmp_path).run()) == stored(finished)
    # What is stored is not lost by asking for less.
    assert rows_of(experiment(tmp_path, trials=1).run()) == stored(finished)


@pytest.mark.slow
def test_a_control_that_diverges_is_told_at_the_end_and_stops_no_other(tmp_path):
    names = ["noise:sigma=1e38", "random_mask"]
    with pytest.raises(LotteryError, match="1 of 3 runs diverged, the others are"):
        experiment(tmp_path, trials=1, controls=names).run()
    controls = [row["control"] for row in stored(tmp_path)]
    assert controls == ["ticket", "ticket", "random_mask"]


# Engines.


@pytest.mark.slow
def test_an_engine_of_ones_own_is_found_by_its_name(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(
        engines.registry.REGISTRY, "entries", dict(engines.registry.REGISTRY.entries)
    )
    given = []

    @engines.register("backwards")
    def backwards(job: engines.Job) -> list[str]:
        given.append((job.workers, job.directory.root, bool(job.trials.packed)))
        while (task := job.queue.take(1)) is not None:
            assert job.carry_out(task) == []
            job.queue.finish(task)
        return []

    found = experiment(tmp_path, trials=1).run(workers=3, engine="backwards")
    assert rows_of(found) == stored(finished)[:4]
    assert given == [(3, str(tmp_path), True)]


# What it refuses, before anything is written.


def refusal(folder: pathlib.Path, make: Any = None, run: Any = None, **given) -> str:
    with pytest.raises(LotteryError) as caught:
        experiment(folder, make, **given).run(**(run or {}))
    assert not folder.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 0}, "trials=0: give a number of searches, 1 to 100000"),
        ({"replicates": 0}, "replicates=0: give the runs of each control"),
        ({"controls": "nothing"}, "controls='nothing': control 'nothing' is not known"),
        ({"controls": ["weight_rewind:step=10it"]}, "past the end of a run of 10"),
        ({"levels": []}, "levels=[]: name one or more"),
        ({"levels": [-1]}, "levels=-1: give pruned levels, 0 to 10000"),
        (
            {"levels": [0], "controls": "one_shot"},
            "levels=[0]: level 0 is none of a control; use 1 to 1",
        ),
        ({"levels": [1, 2]}, "levels=[1, 2]: level 2 is none of a control; use 1 to 1"),
        ({"make": 3}, "make_search=3 is no function"),
        ({"run": {"workers": -1}}, "workers=-1: give a number of processes, 0 to 1000"),
        ({"run": {"engine": "x"}}, "engine='x' is not known: use one of local, ray."),
        ({"make": small(steps=3)}, "fit does not take steps"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(tmp_path, given, message):
    assert message in refusal(tmp_path / "job", **given)


def test_a_missing_directory_is_refused():
    with pytest.raises(LotteryError, match="directory is missing"):
        Experiment(small(), controls=CONTROLS)


@pytest.mark.slow
def test_what_make_search_must_return_is_said(tmp_path):
    def without_arguments(trial: int, directory: str) -> Any:
        return small()(trial, directory)[0]

    def first_trial(trial: int, directory: str) -> Any:
        return small(levels=0)(0, directory)

    def elsewhere(trial: int, directory: str) -> Any:
        return small()(trial, str(tmp_path / "other"))

    def more(trial: int, directory: str) -> Any:
        return small(levels=trial)(trial, directory)

    job = tmp_path / "job"
    line = refusal(job, without_arguments)
    assert line.startswith("make_search returned LotterySearch: return (search, fit_")
    assert "pass directory=directory on" in refusal(job, elsewhere)
    # What only a later trial shows leaves the first one as it is.
    for make, text in (
        (first_trial, r"make_search\(1, .* made a search of trial=0: pass trial=trial"),
        (more, "made trial 1 with levels=1, others with levels=0"),
    ):
        with pytest.raises(LotteryError, match=text):
            experiment(tmp_path / text[:3], make, controls=()).run()
        assert len(stored(tmp_path / text[:3])) == 1


def test_another_search_is_not_taken_for_the_stored_one(finished):
    before = stored(finished)
    with pytest.raises(LotteryError, match=r"other settings: .*\(stored 1, given 2\)"):
        experiment(finished, small(levels=2)).run()
    with pytest.raises(LotteryError, match="batch_size"):
        experiment(finished, small(batch_size=9), trials=3).run()
    line = r"workers=2: several threads and one .* trained with workers=0: use that"
    with pytest.raises(LotteryError, match=line):
        experiment(finished).run(workers=2)
    assert stored(finished) == before


def test_what_cannot_be_sent_to_workers_is_said_before_they_start(tmp_path):
    lock = threading.Lock()

    def make_search(trial: int, directory: str) -> Made:
        with lock:
            return small()(trial, directory)

    line = refusal(tmp_path / "job", make_search, {"workers": 1})
    assert line.startswith("make_search cannot be sent to other processes (")
    assert "workers=0" in line


def test_a_second_process_is_refused(finished):
    with (
        locks.lock(finished),
        pytest.raises(LotteryError, match=f"directory={finished}: .*is in use by"),
    ):
        experiment(finished).run()
