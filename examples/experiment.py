"""A whole job: its directory, its searches and controls, and its report.

Everything is stored as it is found. A job that was stopped goes on with the same
flags, and one that has ended shows its report again.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import exporting
import lth_keras as lth
import stored_flags
import tasks
import workers
from command_line import FlagError
from lth_keras import directories, figures, files, report, storage
from lth_keras.compat import LotteryError
from progress import Progress
from settings import Options
from tasks import Queue, Task
from trials import Trials


def run(options: Options, levels: Sequence[int] | None = None) -> None:
    """Carries out what the flags describe, and prints the results.

    Args:
        options: the flags.
        levels: levels at which controls are run; all pruned ones by default.

    Raises:
        FlagError: a flag does not fit; nothing has been written.
        LotteryError: the directory is another job's, or in use, or cannot be
            written; the data cannot be read; or the training diverged.
    """
    check_controls(options.controls)
    exports = options.export == "on"
    if exports and files.is_remote(options.output_dir):
        raise FlagError(
            f"--export=on writes a local directory, not {options.output_dir}: run "
            "export_ticket.py with a local --output afterwards"
        )
    directory = storage.ExperimentDirectory(options.output_dir)
    trials = functools.cache(lambda: Trials(options))
    if files.exists(directory.settings):
        check_settings(directory, options)
    else:
        trials()  # What is refused must not leave a directory behind.
    every = tasks.of_job(
        options.trials,
        range(1, options.levels + 1) if levels is None else levels,
        options.controls,
        options.replicates,
    )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(directories.lock(directory.root))
            directories.clean_leftovers(directory.root, recursive=False)
            store_settings(directory, options)
        except LotteryError as error:
            raise LotteryError(f"--output_dir={options.output_dir}: {error}") from error
        missing = tasks.missing(every, directory, options.levels)
        if missing:
            train(options, directory, trials, every, missing)
        files.write_jsonl(directory.results, rows(directory))
        show(options, directory)
        if exports:
            print(exporting.one_line(directory.root))


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
    directory: storage.ExperimentDirectory,
    trials: Callable[[], Trials],
    every: Sequence[Task],
    missing: dict[Task, int],
) -> None:
    """Carries out the runs that are not stored yet.

    Args:
        options: the flags.
        directory: where everything goes, locked.
        trials: makes what is needed to train.
        every: the tasks of the job.
        missing: those that are not finished, with the number of their runs.
    """
    todo = sum(missing.values())
    total = sum(1 if task.control else options.levels + 1 for task in every)
    print(f"{trials().summary} -> {directory.root}", flush=True)
    if todo < total:
        print(f"going on: {total - todo} of {total} runs are stored", flush=True)
    progress = Progress(total, total - todo, options.levels, options.trials)

    def on_result(row: dict[str, Any]) -> None:
        files.write_jsonl(directory.results, rows(directory))
        progress.finish(row)

    with contextlib.closing(progress):
        if options.workers:
            workers.carry_out(Queue(missing, directory), options, directory, on_result)
        else:
            for task in missing:
                progress.begin(task.trial, task.kind)
                root = directory.trial(task.trial).root
                trials().carry_out(task, root, progress.callbacks, on_result)
    # Processes that wrote the results of one trial may have missed each other's last.
    for trial in {task.trial for task in missing}:
        lth.LotterySearch.load(directory.trial(trial).root).store_results()


def rows(directory: storage.ExperimentDirectory) -> list[dict[str, Any]]:
    """The stored result lines: by trial, in each its levels and then its controls."""
    return [
        row
        for trial in map(directory.trial, directory.trials())
        if files.exists(trial.manifest)
        for row in lth.LotterySearch.load(trial.root).results
    ]


def store_settings(directory: storage.ExperimentDirectory, options: Options) -> None:
    """Stores the flags of a new job, or compares them with the stored ones.

    Raises:
        LotteryError: the directory holds trials of a job with other flags.
    """
    if files.exists(directory.settings):
        check_settings(directory, options)
    elif directory.trials():
        raise LotteryError(
            f"{directory.root} holds trials but no settings.json: use another directory"
        )
    else:
        files.write_json(directory.settings, {"flags": stored_flags.as_plain(options)})


def check_settings(directory: storage.ExperimentDirectory, options: Options) -> None:
    """Refuses to go on with a job that was started with other flags.

    Raises:
        LotteryError: names each flag that differs, as stored and as given.
    """
    differing = stored_flags.differences(
        stored_flags.read(directory), stored_flags.as_plain(options)
    )
    if differing:
        raise LotteryError(
            f"--output_dir={directory.root} holds a search with other flags: "
            f"{', '.join(differing)}; use the stored ones to go on, or another "
            "--output_dir"
        )


def show(options: Options, directory: storage.ExperimentDirectory) -> None:
    """Prints the table and where everything is, and draws the figure."""
    found = rows(directory)
    print(f"\n{report.table(found)}\n")
    print(f"results: {directory.results}")
    for trial in range(options.trials):
        root = directory.trial(trial).root
        print(f"tickets: {files.join(root, 'level00', 'ticket')} to", end=" ")
        print(directory.trial(trial).level(options.levels).ticket)
    try:
        figures.figure(found, directory.figure, f"{options.model} on {options.dataset}")
        print(f"figure:  {directory.figure}")
    except LotteryError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        print(f"no figure: {error}")
