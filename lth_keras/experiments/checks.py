"""What an experiment asks of its first search before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.analysis.study import Children
from lth_keras.arguments import MOST_RUNS
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.runs import manifest
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths
from lth_keras.training.plan import Plan

# Of the settings that a search stores: a worker's, in both of TensorFlow's pools.
_ONE_THREAD = [1, 1]


def check_search(
    search: LotterySearch,
    arguments: Mapping[str, Any],
    controls: Sequence[str],
    workers: int,
) -> Plan:
    """The plan; refuses what could not be carried out, or does not go with the stored.

    Args:
        search: of one trial; it is as new afterwards.
        arguments: of its `fit`.
        controls: that are to be run.
        workers: number of processes that will train, 0 for this one.

    Raises:
        LotteryError: an argument does not fit, a control does not go with the model
            or the length of the training, or other settings are stored.
    """
    plan, _, settings = search.plan_for(**arguments)
    # It is `fit` or `prepare` that makes a search ready.
    search.plan = None
    for name in controls:
        try:
            syntax.parse(name).check(
                search.model, plan.shortest, search.first, search.keep_trained
            )
        except LotteryError as error:
            raise LotteryError(f"controls={name!r}: {error}") from None
    if not paths.exists(search.directory.manifest):
        return plan
    stored = manifest.read(search.directory).get("threads")
    given = _ONE_THREAD if workers else settings["threads"]
    if stored != given and _ONE_THREAD in (stored, given):
        used = "1 or more" if stored == _ONE_THREAD else "0"
        raise LotteryError(
            f"workers={workers}: several threads and one do not give the same results, "
            f"and {search.directory.root} was trained with workers={used}: use that to "
            "go on, or another directory."
        )
    manifest.write_or_check(search.directory, {**settings, "threads": given})
    return plan


def check_stability(
    starts: Sequence[Children], search: LotterySearch, iterations: int | None
) -> None:
    """Refuses children that could not be trained.

    Args:
        starts: of the study.
        search: of one trial.
        iterations: of a whole run, None where only `fit` knows.

    Raises:
        LotteryError: a level is none of the search, or a control does not go with it.
    """
    if starts and search.keep_trained == "needed":
        raise LotteryError(
            "stability reads what its children were trained to: use keep_trained='all'."
        )
    for each in starts:
        if each.level > search.levels:
            raise LotteryError(
                f"stability: levels={each.level}: the search has levels 0 to "
                f"{search.levels}."
            )
        try:
            syntax.parse(each.control).check(search.model, iterations, search.first)
        except LotteryError as error:
            raise LotteryError(f"stability: of={each.of}: {error}") from None


def check_levels(
    levels: Sequence[int], search: LotterySearch, controls: Sequence[str]
) -> None:
    """Refuses levels of controls that the search does not have, or not pruned.

    Args:
        levels: that were asked for.
        search: of one trial.
        controls: that are to be run at them; some go with dense networks too.

    Raises:
        LotteryError: names the first.
    """
    first, last = search.first_pruned, search.levels
    dense = bool(controls) and all(syntax.parse(name).dense for name in controls)
    for level in levels:
        if not (0 if dense else first) <= level <= last:
            raise LotteryError(
                f"levels={list(levels)}: level {level} is none of a control; use "
                f"{first} to {last}, the pruned levels of the search."
            )


def check_size(trials: int, levels: int, controls: int) -> None:
    """Refuses a job of more runs than anybody could store.

    Args:
        trials: number of searches.
        levels: the last level of each.
        controls: control runs of each search.

    Raises:
        LotteryError: says how many runs it would be.
    """
    runs = trials * (levels + 1 + controls)
    if runs > MOST_RUNS:
        raise LotteryError(
            f"this would be {runs:,} training runs, and at most {MOST_RUNS:,} are "
            "stored in one directory: ask for fewer trials, levels, controls or "
            "replicates."
        )
