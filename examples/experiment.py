"""A whole job: its directory, its trials one after another, and its report.

Everything is stored as it is found. A job that was stopped goes on with the same
flags, and one that has ended shows its report again.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import lth_keras as lth
from command_line import FlagError
from lth_keras import directories, figures, files, report, storage
from lth_keras.compat import LotteryError
from progress import Progress
from settings import Options
from trials import Trials


def run(options: Options) -> None:
    """Carries out what the flags describe, and prints the results.

    Raises:
        FlagError: a flag does not fit; nothing has been written.
        LotteryError: the directory is another job's, or in use, or cannot be
            written; the data cannot be read; or the training diverged.
    """
    for name in options.controls:
        if name not in lth.controls.names():
            known = ", ".join(lth.controls.names())
            raise FlagError(f"--controls={name} is unknown: use {known} or none")
    directory = storage.ExperimentDirectory(options.output_dir)
    trials = functools.cache(lambda: Trials(options))
    if files.exists(directory.settings):
        check_settings(directory, options)
    else:
        trials()  # What is refused must not leave a directory behind.
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(directories.lock(directory.root))
            directories.clean_leftovers(directory.root, recursive=False)
            store_settings(directory, options)
        except LotteryError as error:
            raise LotteryError(f"--output_dir={options.output_dir}: {error}") from error
        missing = runs(options) - len(rows(directory))
        if missing:
            train(options, directory, trials(), missing)
        files.write_jsonl(directory.results, rows(directory))
        show(options, directory)


def train(
    options: Options,
    directory: storage.ExperimentDirectory,
    trials: Trials,
    missing: int,
) -> None:
    """Carries out the runs that are not stored yet.

    Args:
        options: the flags.
        directory: where everything goes, locked.
        trials: made from `options`.
        missing: how many runs are to be done.
    """
    total = runs(options)
    print(f"{trials.summary} -> {directory.root}", flush=True)
    if missing < total:
        print(f"going on: {total - missing} of {total} runs are stored", flush=True)
    progress = Progress(total, total - missing, options.levels, options.trials)

    def on_result(row: dict[str, Any]) -> None:
        files.write_jsonl(directory.results, rows(directory))
        progress.finish(row)

    with contextlib.closing(progress):
        for trial in range(options.trials):
            trials.carry_out(trial, directory.trial(trial).root, progress, on_result)


def runs(options: Options) -> int:
    """Number of training runs of the whole job."""
    levels, controls = options.levels, len(options.controls)
    return options.trials * (levels + 1 + controls * levels)


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
        files.write_json(directory.settings, {"flags": options.deciding()})


def check_settings(directory: storage.ExperimentDirectory, options: Options) -> None:
    """Refuses to go on with a job that was started with other flags.

    Raises:
        LotteryError: names each flag that differs, as stored and as given.
    """
    stored = files.read_json(directory.settings)
    stored = stored.get("flags") if isinstance(stored, dict) else None
    if not isinstance(stored, dict):
        raise LotteryError(f"{directory.settings} is not of a lottery search")
    given = options.deciding()
    differing = [
        f"--{name} (stored {stored.get(name)}, given {given.get(name)})"
        for name in {**given, **stored}
        if stored.get(name) != given.get(name)
    ]
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
