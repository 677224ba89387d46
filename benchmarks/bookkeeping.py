"""What is done when a run of a job has been trained, by how many runs are stored.

The search adds the result line to its own file, the job adds it to that of all trials,
and the next run is chosen; no run is trained here.

    python benchmarks/bookkeeping.py
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from typing import Any

from absl import app, flags

import paired
from lth_keras.experiments import job, tasks
from lth_keras.runs import layout
from lth_keras.runs.result_lines import ResultLines
from lth_keras.search.search import LotterySearch
from lth_keras.storage import files

_STORED = flags.DEFINE_list("stored", ["100", "2000"], "Numbers of stored runs.")
_RUNS = flags.DEFINE_integer("runs", 50, "Runs that finish, of which each is timed.")

_LEVELS = 20
_CONTROL = "random_reinit"


def row(level: int, control: str, replicate: int) -> dict[str, Any]:
    """A result line."""
    return {
        "trial": 0,
        "level": level,
        "control": control,
        "replicate": replicate,
        "parameters": {},
        "density": 0.8**level,
        "iterations": 10000,
        "early_stop_iteration": 2400,
        "early_stop_test_accuracy": 0.982,
        "test_accuracy": 0.981,
        "validation_loss": 0.07123456789,
        "train_accuracy": 1.0,
        "seconds": 12.345,
        "seed": 0,
    }


def finish(run: layout.RunDirectory, task: tasks.Task) -> dict[str, Any]:
    """Stores a control's result, as its training does."""
    found = row(task.level, _CONTROL, task.replicate)
    place = run.control(_CONTROL, task.level, task.replicate)
    os.makedirs(place.root)
    with open(place.result, "w", encoding="utf-8") as file:
        file.write(files.json_line(found).decode())
    return found


def measure(stored: int, runs: int, folder: str) -> list[float]:
    """Seconds of what follows each run, with `stored` or a few more there already."""
    directory = layout.ExperimentDirectory(folder)
    trial = directory.trial(0)
    settings = {"levels": _LEVELS, "seed": 0, "trial": 0}
    files.write_json(trial.manifest, {"settings": settings})
    for level in range(_LEVELS + 1):
        files.write_json(trial.level(level).result, row(level, "ticket", 0))
    replicates = -(-(stored + runs + 1) // _LEVELS)
    every = tasks.of_job([0], range(1, _LEVELS + 1), [_CONTROL], replicates)[1:]
    for task in every[: stored - _LEVELS - 1]:
        finish(trial, task)
    queue = tasks.Queue(every[stored - _LEVELS - 1 :], directory)
    search = LotterySearch.load(trial.root)
    lines = ResultLines(directory.results, lambda: job.rows(directory))
    search.store_results()
    lines.store()
    times = []
    task = queue.take(0)
    for _ in range(runs):
        assert task is not None
        found = finish(trial, task)
        began = time.perf_counter()
        search.store_results(found)
        lines.add(found)
        queue.finish(task)
        task = queue.take(0)
        times.append(time.perf_counter() - began)
    return times


def main(_: list[str]) -> None:
    for stored in map(int, _STORED.value):
        with tempfile.TemporaryDirectory() as folder:
            times = measure(stored, _RUNS.value, folder)
        median, longest = statistics.median(times), max(times)
        paired.report(
            f"bookkeeping of a run that is finished, {stored:,} stored",
            f"median {1000 * median:.2f} ms (max {1000 * longest:.2f} ms)",
            "<= 5 ms",
        )


if __name__ == "__main__":
    app.run(main)
