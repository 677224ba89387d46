"""A finished job whose files are torn, or lead elsewhere, does not show its table."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from lth_keras.errors import LotteryError
from lth_keras.experiments import holding, job, tasks
from lth_keras.experiments.trials import Trials
from lth_keras.runs import layout
from lth_keras.storage import files
from tests.support import run_directories


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("whole") / "job"
    run_directories.search(root / "trial0")
    carry_out(root)
    assert len(files.read_jsonl(root / "results.jsonl")) == 4
    return root


def make_trials() -> Trials:
    raise AssertionError("something would have been trained")


def carry_out(root: pathlib.Path) -> None:
    directory = layout.ExperimentDirectory(str(root))
    every = tasks.of_job([0], [1], ["noise:sigma=0.5"], 1)
    with holding.whole(directory) as hold:
        job.carry_out(
            every, directory, run_directories.LEVELS, make_trials, lambda: "a job", hold
        )


@pytest.mark.parametrize(
    "name",
    [
        "level00/rewind/weights.npz",
        "level00/trained/weights.npz",
        "level01/curve.json",
        "level01/result.json",
        "level02/ticket/masks.npz",
        "level02/ticket/manifest.json",
        "level02/trained/manifest.json",
        "controls/noise,sigma=0.5/level01-r0/trained/weights.npz",
        "controls/noise,sigma=0.5/level01-r0/ticket/optimizer.npz",
    ],
)
@pytest.mark.parametrize("how", ["cut", "zeros"])
def test_a_finished_job_is_whole_or_refused(whole, tmp_path, name, how) -> None:
    shutil.copytree(whole, tmp_path / "job")
    place = tmp_path / "job" / "trial0" / name
    content = place.read_bytes()
    torn = content[: len(content) // 2]
    place.write_bytes(torn if how == "cut" else torn + bytes(len(content) - len(torn)))
    with pytest.raises(LotteryError) as error:
        carry_out(tmp_path / "job")
    run = str(place).split("/ticket/")[0].split("/trained/")[0].split("/rewind/")[0]
    run = run.removesuffix("/curve.json").removesuffix("/result.json")
    assert f"remove {run} to train it again" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_linked_trial_is_not_written_through(tmp_path) -> None:
    outside = tmp_path / "outside"
    run_directories.search(outside)
    (outside / ".lth-partial-1").write_text("mine")
    before = sorted(outside.rglob("*"))
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "trial0").symlink_to(outside)
    with pytest.raises(LotteryError, match="trial0 is a symbolic link"):
        carry_out(tmp_path / "job")
    assert sorted(outside.rglob("*")) == before
