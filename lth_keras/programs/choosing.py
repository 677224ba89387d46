"""Which level of a search is exported: the one asked for, or the sparsest good one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lth_keras.errors import LotteryError
from lth_keras.programs.export_flags import Request
from lth_keras.runs import best, layout
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths


@dataclasses.dataclass(frozen=True)
class Choice:
    """A level, and how it compares with the dense network.

    Attributes:
        level: the level.
        last: the last level that the trial has finished.
        density: share of the prunable weights that are left, in [0, 1].
        accuracy: percent of the test images, at the end of training; the mean over
            `trials`.
        dense_accuracy: the same of level 0, over the same trials; None where level 0
            is pruned already.
        trials: the trials that have finished the level and level 0.
    """

    level: int
    last: int
    density: float
    accuracy: float
    dense_accuracy: float | None
    trials: tuple[int, ...]

    def sentence(self, tolerance: float | None) -> str:
        """One line with the numbers; `tolerance` (points) for a choice by it."""
        count = len(self.trials)
        mean = f"the mean of {count} trials" if count > 1 else "one trial"
        numbers = (
            f"P_m {100 * self.density:.1f} %, test accuracy {self.accuracy:.2f} % "
            f"({mean})"
        )
        if self.dense_accuracy is not None:
            gap = self.accuracy - self.dense_accuracy
            numbers += f", dense {self.dense_accuracy:.2f} %, {gap:+.2f} points"
        if tolerance is None:
            return f"level {self.level} of {self.last}, as asked for: {numbers}"
        return (
            f"level {self.level} of {self.last} is the sparsest within {tolerance:g} "
            f"points of dense: {numbers}"
        )


def choose(directory: layout.ExperimentDirectory, request: Request) -> Choice:
    """The level asked for, or the sparsest within the tolerance.

    The levels that the trial asked for has finished are compared with level 0, each
    by the mean over all trials that have finished both.

    Raises:
        LotteryError: the trial or the level is not finished.
    """
    found = {
        trial: {
            row["level"]: row
            for row in LotterySearch.load(directory.trial(trial).root).results
            if row["control"] == "ticket" and row["test_accuracy"] is not None
        }
        for trial in directory.trials()
        if paths.exists(directory.trial(trial).manifest)
    }
    # Without level 0 there is nothing to compare with.
    found = {trial: rows for trial, rows in found.items() if 0 in rows}
    if request.trial not in found:
        raise LotteryError(
            f"trial {request.trial} has finished no level in {directory.root}: trials "
            f"that have are {sorted(found)}"
        )
    finished = sorted(found[request.trial])
    dense = found[request.trial][0]["density"] == 1
    if not dense and request.level is None:
        raise LotteryError(
            f"{directory.root} is of a search that prunes before it trains "
            "(--first=prune), with no dense network to compare with: name a --level"
        )
    if request.level is not None and request.level not in finished:
        raise LotteryError(
            f"level {request.level} of trial {request.trial} is not finished in "
            f"{directory.root}: finished levels are {_spans(finished)}"
        )
    compared = best.compare(found, request.trial, lambda row: row["test_accuracy"])
    if request.level is not None:
        (one,) = (one for one in compared if one.level == request.level)
    else:
        allowed = request.tolerance / 100
        one = best.sparsest(compared, allowed, best.ROUNDING / 100)
    return Choice(
        one.level,
        finished[-1],
        one.density,
        100 * one.mean,
        100 * one.dense_mean if dense else None,
        one.trials,
    )


def _spans(levels: Sequence[int]) -> str:
    if len(levels) > 1 and list(levels) == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]} to {levels[-1]}"
    return ", ".join(map(str, levels)) or "none"
