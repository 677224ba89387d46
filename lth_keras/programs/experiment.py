"""A whole job: its directory, its searches and controls, and its report.

Everything is stored as it is found. A job that was stopped goes on with the same
flags, and one that has ended shows its report again.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.experiments import tasks
from lth_keras.experiments.progress import Progress
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.programs import exporting, stored_options, workers
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options
from lth_keras.programs.trials import Trials
from lth_keras.reporting import density as figure_density
from lth_keras.reporting import tables
from lth_keras.runs import layout
from lth_keras.storage import directories, files, locks, paths


def run(options: Options) -> None:
    """Carries out what the flags describe, and prints the results.

    Args:
        options: the flags.

    Raises:
        FlagError: a flag does not fit; nothing has been written.
        LotteryError: the directory is another job's, or in use, or cannot be
            written; the data cannot be read; or the training diverged.
    """
    check_controls(options.controls)
    exports = options.export == "on"
    if exports and paths.is_remote(options.output_dir):
        raise FlagError(
            f"--export=on writes a local directory, not {options.output_dir}: run "
            "export_ticket.py with a local --output afterwards"
        )
    directory = layout.ExperimentDirectory(options.output_dir)
    trials = functools.cache(lambda: Trials(options))
    if paths.exists(directory.settings):
        check_settings(directory, options)
    else:
        trials()  # What is refused must not leave a directory behind.
    levels = range(1, options.levels + 1)
    every = tasks.of_job(
        range(options.trials), levels, options.controls, options.replicates
    )
    with held(directory):
        store_settings(directory, options)
        train(options, directory, trials, every)
        show(options, directory)
        if exports:
            print(exporting.one_line(directory.root))


def run_controls(options: Options, levels: Sequence[int] | None) -> None:
    """Carries out the controls of searches that are finished, and nothing else.

    Args:
        options: the flags of the search, with the controls' own.
        levels: levels whose densities the controls have; all pruned ones by default.

    Raises:
        FlagError: a flag does not fit.
        LotteryError: a search has not finished one of the levels; or as of `run`.
    """
    check_controls(options.controls)
    directory = layout.ExperimentDirectory(options.output_dir)
    levels = range(1, options.levels + 1) if levels is None else levels
    found = directory.trials()
    for trial in found:
        reached = lth.LotterySearch.load(directory.trial(trial).root).finished_levels
        if lacking := [level for level in levels if level not in reached]:
            raise LotteryError(
                f"trial {trial} in {directory.root} has not finished level "
                f"{lacking[0]}: finish the search with lottery_search.py and its "
                "flags, or name other --levels"
            )
    every = tasks.of_job(found, levels, options.controls, options.replicates)
    with held(directory):
        train(
            options,
            directory,
            functools.cache(lambda: Trials(options)),
            [task for task in every if task.control],
        )
        show(options, directory)


@contextlib.contextmanager
def held(directory: layout.ExperimentDirectory) -> Iterator[None]:
    """Holds a job's directory, cleared of what a killed process left in it.

    Raises:
        LotteryError: another process holds it, or it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.lock(directory.root))
            directories.clean_leftovers(directory.root, recursive=False)
        except LotteryError as error:
            raise LotteryError(f"--output_dir={directory.root}: {error}") from error
        yield


def check_controls(names: Sequence[str]) -> None:
    """Refuses a control that is not known.

    Raises:
        FlagError: names it.
    """
    for name in names:
        try:
            lth.controls.parse(name)
        except LotteryError as error:
            raise FlagError(f"--controls={name}: {error}") from None


def train(
    options: Options,
    directory: layout.ExperimentDirectory,
    trials: Callable[[], Trials],
    every: Sequence[Task],
) -> None:
    """Carries out the runs that are not stored yet, and stores all result lines.

    Args:
        options: the flags.
        directory: where everything goes, locked.
        trials: makes what is needed to train.
        every: the tasks of the job.

    Raises:
        LotteryError: a control diverged; all others have been carried out.
    """
    missing = tasks.missing(every, directory, options.levels)
    diverged = _train(options, directory, trials, every, missing) if missing else []
    files.write_jsonl(directory.results, rows(directory))
    if diverged:
        raise LotteryError(
            f"{len(diverged)} of {len(every)} runs diverged, the others are stored: "
            + " ".join(diverged)
        )


def _train(
    options: Options,
    directory: layout.ExperimentDirectory,
    trials: Callable[[], Trials],
    every: Sequence[Task],
    missing: dict[Task, int],
) -> list[str]:
    """Carries out what is missing; returns how controls diverged."""
    todo = sum(missing.values())
    total = sum(1 if task.control else options.levels + 1 for task in every)
    print(f"{trials().summary} -> {directory.root}", flush=True)
    if todo < total:
        print(f"going on: {total - todo} of {total} runs are stored", flush=True)
    count = len({task.trial for task in every})
    progress = Progress(total, total - todo, options.levels, count)
    diverged: list[str] = []

    def on_result(row: dict[str, Any]) -> None:
        files.write_jsonl(directory.results, rows(directory))
        progress.finish(row)

    with contextlib.closing(progress):
        if options.workers:
            queue = Queue(missing, directory)
            diverged = workers.carry_out(queue, options, directory, on_result)
        else:
            for task in missing:
                progress.begin(task.trial, task.kind)
                root = directory.trial(task.trial).root
                said = trials().carry_out(task, root, progress.callbacks, on_result)
                diverged += [said] if said else []
    # Processes that wrote the results of one trial may have missed each other's last.
    for trial in {task.trial for task in missing}:
        lth.LotterySearch.load(directory.trial(trial).root).store_results()
    return diverged


def rows(directory: layout.ExperimentDirectory) -> list[dict[str, Any]]:
    """The stored result lines: by trial, in each its levels and then its controls."""
    return [
        row
        for trial in map(directory.trial, directory.trials())
        if paths.exists(trial.manifest)
        for row in lth.LotterySearch.load(trial.root).results
    ]


def store_settings(directory: layout.ExperimentDirectory, options: Options) -> None:
    """Stores the flags, after comparing them with those of a job that goes on.

    Raises:
        LotteryError: the directory holds trials of a job with other flags, or cannot
            be written.
    """
    if paths.exists(directory.settings):
        check_settings(directory, options)
    elif directory.trials():
        raise LotteryError(
            f"--output_dir={directory.root} holds trials but no settings.json: use "
            "another directory"
        )
    # Those that may differ are now these.
    files.write_json(directory.settings, {"flags": stored_options.as_plain(options)})


def check_settings(directory: layout.ExperimentDirectory, options: Options) -> None:
    """Refuses to go on with a job that was started with other flags.

    Raises:
        LotteryError: names each flag that differs, as stored and as given.
    """
    differing = stored_options.differences(
        stored_options.read(directory), stored_options.as_plain(options)
    )
    if differing:
        raise LotteryError(
            f"--output_dir={directory.root} holds a search with other flags: "
            f"{', '.join(differing)}; use the stored ones to go on, or another "
            "--output_dir"
        )


def show(options: Options, directory: layout.ExperimentDirectory) -> None:
    """Prints the table and where everything is, and draws the figure."""
    found = rows(directory)
    print(f"\n{tables.table(found)}\n")
    print(f"results: {directory.results}")
    for trial in directory.trials():
        root = directory.trial(trial).root
        print(f"tickets: {paths.join(root, 'level00', 'ticket')} to", end=" ")
        print(directory.trial(trial).level(options.levels).ticket)
    try:
        figure_density.figure(
            found, directory.figure, f"{options.model} on {options.dataset}"
        )
        print(f"figure:  {directory.figure}")
    except LotteryError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        print(f"no figure: {error}")
