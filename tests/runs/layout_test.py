"""The names of the files of a run and of an experiment."""

from __future__ import annotations

import pathlib

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.storage import paths


@pytest.fixture(params=["local", "remote"])
def root(request, tmp_path) -> str:
    """An empty directory, on the disk and on TensorFlow's in-memory file system."""
    if request.param == "local":
        return str(tmp_path)
    return f"ram://{tmp_path}"


def test_a_run_directory_has_these_names():
    run = layout.RunDirectory("runs/mnist")
    assert run.manifest == "runs/mnist/search.json"
    assert run.lock == "runs/mnist/lock"
    assert run.results == "runs/mnist/results.jsonl"
    assert run.level(3).ticket == "runs/mnist/level03/ticket"
    assert run.level(3).trained == "runs/mnist/level03/trained"
    assert run.level(3).trained_weights == "runs/mnist/level03/trained/weights.npz"
    assert run.level(3).curve == "runs/mnist/level03/curve.json"
    assert run.level(3).result == "runs/mnist/level03/result.json"
    assert run.level(100).root == "runs/mnist/level100"
    control = run.control("noise", 7, replicate=2)
    assert control.result == "runs/mnist/controls/noise/level07-r2/result.json"


def test_an_experiment_directory_has_these_names():
    experiment = layout.ExperimentDirectory("gs://bucket/out")
    assert experiment.settings == "gs://bucket/out/settings.json"
    assert experiment.results == "gs://bucket/out/results.jsonl"
    assert experiment.figure == "gs://bucket/out/figure.png"
    assert experiment.trial(1).level(0).root == "gs://bucket/out/trial1/level00"


def test_what_a_run_directory_holds_is_listed_in_order(root):
    run = layout.ExperimentDirectory(root).trial(10)
    assert run.levels() == [] and run.controls() == []
    for level in (100, 2, 0):
        paths.make_directory(run.level(level).root)
    paths.make_directory(run.control("one_shot", 3, 1).root)
    paths.make_directory(run.control("noise", 3, 0).root)
    paths.make_directory(paths.join(run.root, "level7"))
    paths.make_directory(paths.join(root, "trial2"))
    assert run.levels() == [0, 2, 100]
    assert run.controls() == [("noise", 3, 0), ("one_shot", 3, 1)]
    assert layout.ExperimentDirectory(root).trials() == [2, 10]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b"])
def test_a_control_name_that_cannot_name_a_directory_is_refused(name):
    with pytest.raises(LotteryError, match="control name"):
        layout.RunDirectory("runs").control(name, 0)


def test_negative_levels_are_refused():
    with pytest.raises(LotteryError, match="level=-1"):
        layout.RunDirectory("runs").level(-1)


def test_a_remote_path_that_pathlib_has_broken_is_refused():
    with pytest.raises(LotteryError, match="pass a remote path as str"):
        layout.RunDirectory(pathlib.Path("gs://bucket/out"))
