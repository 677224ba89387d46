"""Every engine: the results of this process alone, whole and gone on with."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.storage import files
from tests.grid import rows
from tests.support import ray_jobs
from tests.support import small_search as small

# Engines that need an extra, by the module that it brings.
EXTRAS = {"ray": "ray"}
every = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(name, marks=pytest.mark.extras) if name in EXTRAS else name
        for name in rows.ENGINES
    ],
)


def experiment(directory: pathlib.Path, trials: int = 2) -> lth.Experiment:
    """Trials of one pruned level, and one control."""

    def make_search(trial: int, directory: str) -> Any:
        model = small.compiled(small.dense_model(seed=trial))
        search = lth.LotterySearch(model, 1, directory, trial=trial, seed=trial)
        return search, {"x": small.X, "y": small.Y, "batch_size": small.BATCH}

    return lth.Experiment(make_search, trials, "random_reinit", directory)


def found(directory: pathlib.Path) -> tuple[list[Any], list[str]]:
    """The result lines but for seconds, and the fingerprint of every ticket."""
    lines = files.read_jsonl(directory / "results.jsonl")
    return [{**row, "seconds": 0} for row in lines], small.fingerprints(directory)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> tuple[list[Any], list[str]]:
    """What this process finds by itself, task by task."""
    directory = tmp_path_factory.mktemp("alone")
    experiment(directory).run()
    lines, tickets = found(directory)
    assert [(r["trial"], r["level"], r["control"]) for r in lines] == [
        (trial, *run)
        for trial in range(2)
        for run in ((0, "ticket"), (1, "ticket"), (1, "random_reinit"))
    ]
    assert len(set(tickets)) == 6
    return lines, tickets


@pytest.fixture
def ready(engine: str) -> Iterator[None]:
    """What an engine needs to run here."""
    if engine not in EXTRAS:
        yield
        return
    found = pytest.importorskip(EXTRAS[engine], reason=f"needs the {engine!r} extra")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ray_jobs.QUICK.items():
            patch.setenv(name, value)
        found.init("local", num_cpus=2, log_to_driver=False)
        yield
        found.shutdown()


@every
@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("workers", [False, True], ids=["own", "row"])
@pytest.mark.slow
def test_it_finds_what_one_process_finds_and_goes_on(engine, workers, alone, tmp_path):
    given = rows.ENGINES[engine] if workers else {}
    begun = experiment(tmp_path, trials=1).run(engine=engine, **given)
    assert [row["trial"] for row in begun] == [0] * 3
    whole = experiment(tmp_path).run(engine=engine, **given)
    # What was finished is not done again: its lines have the seconds they had.
    assert whole[:3] == begun
    assert found(tmp_path) == alone
    assert experiment(tmp_path).run(engine=engine, **given) == whole
