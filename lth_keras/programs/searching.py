"""From the flags of a search to its results: the job, its table and its figure.

Everything is stored as it is found. A job that was stopped goes on with the same
flags, and one that has ended shows its report again.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from lth_keras.analysis.study import Study
from lth_keras.errors import LotteryError
from lth_keras.experiments import checks, holding, job, tasks
from lth_keras.experiments.holding import Hold
from lth_keras.experiments.tasks import Task
from lth_keras.experiments.trials import Trials
from lth_keras.programs import (
    exporting,
    method_runs,
    searches,
    stored_options,
    strategies,
)
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options
from lth_keras.programs.searches import Searches
from lth_keras.programs.strategy_flags import MULTIWORKER, NONE
from lth_keras.programs.where import Where
from lth_keras.reporting import density as figure_density
from lth_keras.runs import layout, stability, tables
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths


def run(options: Options, where: Where = Where()) -> None:  # noqa: B008  Frozen.
    """Carries out what the flags describe, and prints the results.

    Args:
        options: the flags.
        where: the runs are carried out.

    Raises:
        FlagError: a flag does not fit; nothing has been written.
        LotteryError: the directory is another job's, or in use, or cannot be
            written; the data cannot be read; or the training diverged.
    """
    options = where.stored_by(method_runs.with_phases(options))
    per_search = len(options.controls) * options.last_level * options.replicates
    checks.check_size(options.trials, options.last_level, per_search)
    searches.check_names(options)
    if options.export == "on" and paths.is_remote(options.output_dir):
        raise FlagError(
            f"--export=on writes a local directory, not {options.output_dir}: run "
            "export_ticket.py (lth-export) with a local --output afterwards"
        )
    if options.export == "on" and options.keep_trained == "needed":
        raise FlagError(
            "--export=on reads the trained weights of the level that it chooses: leave "
            "out --keep_trained=needed"
        )
    _check_alone(options, where)
    with strategies.together(options):
        _run(options, where)


def _run(options: Options, where: Where) -> None:
    directory = layout.ExperimentDirectory(options.output_dir)
    make_search = functools.cache(lambda: Searches(options))
    if paths.exists(directory.settings):
        stored_options.check(directory, options)
    else:
        make_search()  # What is refused must not leave a directory behind.
    levels = options.pruned_levels
    every = tasks.of_job(
        where.trials(range(options.trials)),
        levels,
        options.controls,
        options.replicates,
    )
    with holding.of(directory, where.only_trial, "--output_dir") as hold:
        with hold.shared():
            stored_options.store(directory, options)
        _train(options, directory, make_search, every, hold, where)
        with hold.shared():
            _show(options, directory)
        if options.export == "on":
            print(exporting.one_line(directory.root))


def run_controls(
    options: Options,
    levels: Sequence[int] | None,
    where: Where = Where(),  # noqa: B008  Frozen.
) -> None:
    """Carries out the controls of searches that are finished, and nothing else.

    Args:
        options: the flags of the search, with the controls' own.
        levels: levels whose densities the controls have; all pruned ones by default.
        where: the runs are carried out.

    Raises:
        FlagError: a flag does not fit.
        LotteryError: a search has not finished one of the levels; or as of `run`.
    """
    method_runs.refuse_controls(options)
    searches.check_names(options)
    _check_alone(options, where)
    with strategies.together(options):
        _run_controls(options, levels, where)


def _run_controls(options: Options, levels: Sequence[int] | None, where: Where) -> None:
    directory = layout.ExperimentDirectory(options.output_dir)
    levels = options.pruned_levels if levels is None else levels
    found = where.trials(directory.trials())
    per_search = len(options.controls) * len(levels) * options.replicates
    checks.check_size(len(found), options.last_level, per_search)
    _check_reached(directory, levels, found)
    every = tasks.of_job(found, levels, options.controls, options.replicates)
    with holding.of(directory, where.only_trial, "--output_dir") as hold:
        _train(
            options,
            directory,
            functools.cache(lambda: Searches(options)),
            [task for task in every if task.control],
            hold,
            where,
        )
        with hold.shared():
            _show(options, directory)


def run_stability(
    options: Options,
    study: Study,
    where: Where = Where(),  # noqa: B008  Frozen.
) -> None:
    """Measures the stability of searches that are finished.

    Args:
        options: the flags of the search, with workers and the directory of the data.
        study: what is trained, and how it is measured.
        where: the networks are trained.

    Raises:
        FlagError: a flag does not fit.
        LotteryError: a search has not finished one of the levels; or as of `run`.
    """
    method_runs.refuse_controls(options)
    if options.strategy == MULTIWORKER:
        raise FlagError(
            f"{options.output_dir} is of --strategy={MULTIWORKER}, with which the "
            "stability of a search is not measured"
        )
    _check_alone(options, where)
    directory = layout.ExperimentDirectory(options.output_dir)
    try:
        starts = study.starts(first=options.first)
    except LotteryError as error:
        raise FlagError(f"--{error}") from None
    found = where.trials(directory.trials())
    runs = sum(each.number for each in starts)
    checks.check_size(len(found), options.last_level, runs)
    _check_reached(directory, sorted({each.level for each in starts}), found)
    # The steps that networks start from decide how many are taken at a time.
    controls = tuple(dict.fromkeys(each.control for each in starts))
    options = dataclasses.replace(options, controls=controls, keep_trained="all")
    with holding.of(directory, where.only_trial, "--output_dir") as hold:
        _train(
            options,
            directory,
            functools.cache(lambda: Searches(options)),
            tasks.of_stability(found, starts),
            hold,
            where,
        )
        with hold.shared():
            print(f"\n{stability.table(stability.read(directory.root))}\n")
        print(f"lines:   {directory.trial(found[0]).line_root} (of each trial)")


def check_workers(stored: Options, workers: int | None) -> None:
    """Refuses numbers of workers that give other results than those of the search.

    Args:
        stored: the flags of the search.
        workers: what was asked for, None for as many as the search had.

    Raises:
        FlagError: says which may be used.
    """
    if workers is None or bool(workers) == bool(stored.workers):
        return
    used = "1 or more" if stored.workers else "0, which is the default here"
    raise FlagError(
        f"--workers={workers}: several threads and one do not give the same results, "
        f"and the search ran with --workers={stored.workers}: use {used}"
    )


def _check_alone(options: Options, where: Where) -> None:
    """Refuses runs of several devices that other processes are to carry out.

    Raises:
        FlagError: names the strategy.
    """
    if options.strategy != NONE and where.elsewhere:
        raise FlagError(
            f"--strategy={options.strategy} trains each run in this process, and "
            "--engine hands runs to others: leave one of the two out"
        )


def _check_reached(
    directory: layout.ExperimentDirectory, levels: Sequence[int], trials: Sequence[int]
) -> None:
    """Refuses levels that a trial has not finished.

    Raises:
        LotteryError: names the first.
    """
    for trial in trials:
        reached = LotterySearch.load(directory.trial(trial).root).finished_levels
        if lacking := [level for level in levels if level not in reached]:
            raise LotteryError(
                f"trial {trial} in {directory.root} has not finished level "
                f"{lacking[0]}: finish the search with lottery_search.py (lth-search) "
                "and its flags, or name other --levels"
            )


def _train(
    options: Options,
    directory: layout.ExperimentDirectory,
    make_search: Callable[[], Searches],
    every: Sequence[Task],
    hold: Hold,
    where: Where = Where(),  # noqa: B008  Frozen.
) -> None:
    job.carry_out(
        every,
        directory,
        options.last_level,
        trials=lambda: Trials(make_search(), options.last_level),
        summary=lambda: make_search().summary,
        hold=hold,
        workers=where.workers_of(options),
        engine=where.engine,
    )


def _show(options: Options, directory: layout.ExperimentDirectory) -> None:
    """Prints the table and where everything is, and draws the figure."""
    found = job.rows(directory)
    print(f"\n{tables.table(found, options.monitor_metric)}\n")
    print(f"results: {directory.results}")
    for trial in directory.trials():
        root = directory.trial(trial).root
        print(f"tickets: {paths.join(root, 'level00', 'ticket')} to", end=" ")
        print(directory.trial(trial).level(options.last_level).ticket)
    try:
        figure_density.figure(
            found,
            directory.figure,
            f"{options.model} on {options.dataset}",
            monitor_metric=options.monitor_metric,
        )
        print(f"figure:  {directory.figure}")
    except LotteryError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        print(f"no figure: {error}")
