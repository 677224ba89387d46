"""The tasks of one directory, carried out: followed, stored line by line.

`Experiment` and the programs are two ways to say what the tasks are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.experiments import engines, tasks
from lth_keras.experiments.engines.registry import AnyEngine
from lth_keras.experiments.holding import Hold
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.experiments.trials import Trials
from lth_keras.runs import integrity, layout
from lth_keras.runs.result_lines import ResultLines
from lth_keras.search.search import LotterySearch
from lth_keras.storage import directories, locks, paths, sharing
from lth_keras.training.progress import Progress


def rows(directory: layout.ExperimentDirectory) -> list[dict[str, Any]]:
    """The stored result lines: by trial, in each its levels and then its controls."""
    return [
        row
        for trial in map(directory.trial, directory.trials())
        if paths.exists(trial.manifest)
        for row in LotterySearch.load(trial.root).results
    ]


def carry_out(
    every: Sequence[Task],
    directory: layout.ExperimentDirectory,
    levels: int,
    trials: Callable[[], Trials],
    summary: Callable[[], str],
    hold: Hold,
    workers: int = 0,
    engine: AnyEngine = "local",
) -> None:
    """Carries out the tasks that are not stored yet, and stores all result lines.

    Args:
        every: the tasks of the job.
        directory: where everything goes.
        levels: the last level of each search.
        trials: makes the searches; called only if something is to be trained.
        summary: what is said of the job then.
        hold: what this process holds of the directory.
        workers: number of runs at a time, 0 for this process alone.
        engine: name of the engine, or one with settings.

    Raises:
        LotteryError: a search failed, or a control diverged; all other controls have
            been carried out then.
    """
    missing = tasks.missing(every, directory, levels)
    # The table is of all that is stored, and says nothing of what is damaged.
    for trial in _own(directory, hold):
        integrity.check_search(directory.trial(trial))
    diverged: list[str] = []
    if missing:
        todo = sum(missing.values())
        total = sum(1 if task.control else levels + 1 for task in every)
        print(f"{summary()} -> {directory.root}", flush=True)
        if todo < total:
            print(f"going on: {total - todo} of {total} runs are stored", flush=True)
        count = len({task.trial for task in every})
        progress = Progress(total, total - todo, levels, count)
        with contextlib.closing(progress):
            job = _job(missing, directory, levels, trials(), hold, workers, progress)
            with _lines_in_order(directory, hold):
                diverged = engines.get(engine).function(job)
    else:
        _store_lines(directory, hold)
    if diverged:
        raise LotteryError(
            f"{len(diverged)} of {len(every)} runs diverged, the others are stored: "
            + " ".join(diverged)
        )


@contextlib.contextmanager
def _lines_in_order(
    directory: layout.ExperimentDirectory, hold: Hold
) -> Iterator[None]:
    """Makes result lines that a killed job lost again; orders them after the block.

    While it trains, lines are only added: to read every run after each would take
    longer, the more there are.
    """
    _store_lines(directory, hold)
    try:
        yield
    except BaseException:
        if sharing.is_joined():
            raise  # Others of the group may be gone; a new start does it.
        with contextlib.suppress(LotteryError):
            _store_lines(directory, hold)
        raise
    _store_lines(directory, hold)


@sharing.by_chief
def _store_lines(directory: layout.ExperimentDirectory, hold: Hold) -> None:
    """Writes the result lines of each trial, and of all, from what is stored."""
    for trial in map(directory.trial, _own(directory, hold)):
        if paths.exists(trial.manifest):
            _clear(trial)
            LotterySearch.load(trial.root).store_results()
    with hold.shared():
        _lines_of(directory).store()


def _own(directory: layout.ExperimentDirectory, hold: Hold) -> list[int]:
    """The trials that have a directory and are this process's."""
    there = directory.trials()
    return there if hold.trial is None else [n for n in there if n == hold.trial]


def _clear(trial: layout.RunDirectory) -> None:
    """Removes what a killed process left beside the lines of a trial.

    A search does so itself when it goes on, but one that is finished does not go on.
    """
    # Another process that holds the trial has cleared it.
    with contextlib.suppress(LotteryError), locks.lock(trial.root):
        directories.clean_leftovers(trial.root, recursive=False)


def _lines_of(directory: layout.ExperimentDirectory) -> ResultLines:
    return ResultLines(directory.results, lambda: rows(directory))


def _job(
    missing: dict[Task, int],
    directory: layout.ExperimentDirectory,
    levels: int,
    trials: Trials,
    hold: Hold,
    workers: int,
    progress: Progress,
) -> engines.Job:
    lines = _lines_of(directory)

    def on_result(row: dict[str, Any]) -> None:
        if "line" in row:  # No run was trained.
            progress.finish_line(row)
            return
        with hold.shared():
            lines.add(row)
        progress.finish(row)

    def here(task: Task) -> list[str]:
        level = task.level if task.control else levels + 1 - missing[task]
        progress.begin(task.trial, task.kind, level)
        root = directory.trial(task.trial).root
        said = trials.carry_out(task, root, on_result, progress.callbacks)
        return [said] if said else []

    queue = Queue(missing, directory)
    return engines.Job(
        queue, trials, directory, workers, on_result, here, progress.tell
    )
