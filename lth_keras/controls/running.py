"""Controls: the runs that a ticket is compared with, carried out and stored.

    search.fit(...)
    lth.controls.run(search, "random_reinit", replicates=3)
    lth.controls.run(search, "noise:sigma=0.5", levels=[7, 9])
    lth.controls.run(search, "one_shot+random_reinit")

Everything that a control does not change (data, iterations, optimizer, evaluation) is
the search's own. What each changes is a function in `masks`, `starts` or `rewinds`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from lth_keras.arguments import MOST_RUNS, count, instance, listed
from lth_keras.controls.registry import Case
from lth_keras.controls.syntax import Control, check_level, parse, seed_of
from lth_keras.errors import LotteryError
from lth_keras.pruning import written
from lth_keras.runs import integrity, result_files
from lth_keras.runs import trained as trained_files
from lth_keras.runs.rows import Run
from lth_keras.search.search import LotterySearch
from lth_keras.storage import directories, locks, paths
from lth_keras.tickets import editing
from lth_keras.training import cluster, one_run
from lth_keras.training import plan as plans


def run(
    search: LotterySearch,
    control: str,
    levels: Iterable[int] | None = None,
    replicates: int | Iterable[int] = 1,
) -> list[dict[str, Any]]:
    """Trains a control at the density of each level, and stores it with the search.

    Runs that are stored already are not trained again. Several processes may work
    on one search, each on runs of its own.

    Args:
        search: a search whose `fit` has returned in this process, or one that was
            made ready by `prepare`; its callbacks see the controls too.
        control: name of a registered control, with its parameters; see `parse`.
        levels: levels whose densities are used; all pruned ones by default. Level 0,
            the dense network, goes with controls of the weights that training starts
            from: weight_rewind, random_reinit, noise.
        replicates: runs per level, each with a seed and data order of its own; or
            the numbers of some of them, from 0.

    Returns:
        The result lines, stored ones included. The model holds the trained weights
        of the search's last finished level then.

    Raises:
        LotteryError: no such control, the search is not ready, a level is not
            reached, or another process works on the same run.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    with cluster.joined(search.model), search.result_lines.in_order():
        return carry_out(search, control, levels, replicates)


def carry_out(
    search: LotterySearch,
    control: str,
    levels: Iterable[int] | None = None,
    replicates: int | Iterable[int] = 1,
) -> list[dict[str, Any]]:
    """Does what `run` does, but leaves new result lines in the order they came.

    For a job of many runs, which puts them in order at its end.
    """
    chosen = parse(control)
    plan = search.plan
    if plan is None or search.model is None:
        raise LotteryError(
            "controls train as the search did: call search.fit with its arguments "
            "first (finished levels are not trained again)."
        )
    numbers = _numbers(replicates)
    if levels is None:
        levels = range(search.first_pruned, search.levels + 1)
    else:
        first, last = search.first_pruned, search.levels
        levels = [
            check_level(chosen, level, first, last)
            for level in listed("levels", levels, "a list of levels, such as [3, 7]")
        ]
    chosen.check(search.model, plan.shortest, search.first, search.keep_trained)
    rows, trained = [], False
    for level in levels:
        for replicate in numbers:
            place = search.directory.control(chosen.key, level, replicate)
            if paths.exists(place.result):
                integrity.check_run(search.directory, place)
            else:
                _train(search, plan, chosen, Run(level, replicate=replicate))
                trained = True
            rows.append(result_files.row(place))
    if trained:
        search.restore(search.last_finished)
    return rows


def _numbers(replicates: Any) -> Iterable[int]:
    """The numbers of the replicates that are asked for."""
    if not isinstance(replicates, Iterable):
        return range(
            count("replicates", replicates, 1, "the runs per level", MOST_RUNS)
        )
    found = listed("replicates", replicates, "a number, or a list of some")
    return [count("replicates", n, 0, "numbers of runs", MOST_RUNS) for n in found]


def _train(search: LotterySearch, plan: plans.Plan, control: Control, run: Run) -> None:
    """Trains a run and stores it, unless another process has done so meanwhile."""
    original = search.ticket(run.level)
    place = search.directory.control(control.key, run.level, run.replicate)
    with locks.lock(place.root):
        if paths.exists(place.result):
            return
        directories.clean_leftovers(place.root)
        key = search.seed, control.seeded, run.level
        seed = seed_of(*key, run.replicate)
        drawn = seed_of(*key, control.draws_of(run.replicate))
        case = control.apply(search, Case(original, search.plan_at(run.level)), drawn)
        ticket = editing.settled(case.ticket, search.network)
        ticket.save(place.ticket, overwrite=True)
        row = one_run.carry_out(
            search.network,
            ticket,
            case.plan,
            dataclasses.replace(
                run,
                control=control.name,
                parameters={
                    name: written.on_a_line(value)
                    for name, value in control.parameters.items()
                },
                data_seed=seed,
            ),
            place,
            fresh_optimizer=search.fresh_optimizer,
        )
        if search.keep_trained == "needed":
            trained_files.discard(place)
    search.store_results(row)
