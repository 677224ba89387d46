"""Which level is the sparsest that is as good as the dense network?

    choose(trials, 0, metric, tolerance=0.1)

Levels are compared with level 0 by means over the trials that have finished both.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from lth_keras import arguments
from lth_keras.errors import LotteryError, shown
from lth_keras.runs import wording
from lth_keras.runs.paired_trials import standard_error
from lth_keras.runs.shown_metric import Metric, grows

# Rounding alone must not decide that a level is out of the tolerance, in points.
ROUNDING = 1e-6

Trials = Mapping[int, Mapping[int, Mapping[str, Any]]]  # rows by trial and level


@dataclasses.dataclass(frozen=True)
class Compared:
    """A level beside the dense network, over the trials that have both.

    Attributes:
        level: the level.
        density: P_m, a fraction.
        values: of the metric at the end of training, by trial, in its own unit.
        dense: the same of level 0.
        trials: their numbers.
    """

    level: int
    density: float
    values: tuple[float, ...]
    dense: tuple[float, ...]
    trials: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The mean over trials."""
        return float(np.mean(self.values))

    @property
    def dense_mean(self) -> float:
        """The mean of the dense network, over the same trials."""
        return float(np.mean(self.dense))

    @property
    def error(self) -> float | None:
        """Standard error of the mean difference to dense, paired by trial.

        None of a single trial, which says nothing of its spread.
        """
        return standard_error(np.subtract(self.values, self.dense))


def compare(
    trials: Trials, trial: int, value: Callable[[Mapping[str, Any]], float | None]
) -> list[Compared]:
    """The levels that a trial has finished, each compared over all that have it.

    Args:
        trials: rows of tickets by trial and level; trials without level 0 count not.
        trial: whose levels are compared.
        value: f(row) -> what is compared; None where it was not measured.
    """
    known = {
        number: {
            level: (row, found)
            for level, row in rows.items()
            if (found := value(row)) is not None
        }
        for number, rows in sorted(trials.items())
    }
    known = {number: rows for number, rows in known.items() if 0 in rows}
    compared = []
    for level in sorted(known.get(trial, {})):
        having = tuple(number for number, rows in known.items() if level in rows)
        compared.append(
            Compared(
                level,
                known[trial][level][0]["density"],
                tuple(known[number][level][1] for number in having),
                tuple(known[number][0][1] for number in having),
                having,
            )
        )
    return compared


def sparsest(
    compared: Iterable[Compared], allowed: float, rounding: float, sign: int = 1
) -> Compared:
    """The sparsest level that is at most `allowed` worse than dense.

    Args:
        compared: levels, the dense one among them, which always is.
        allowed: in the unit of the values.
        rounding: what is forgiven besides.
        sign: 1 where more is better, -1 where less is.
    """
    near = [
        one
        for one in compared
        if sign * (one.dense_mean - one.mean) <= allowed + rounding
    ]
    return min(near, key=lambda one: one.density)


class Best(int):
    """A level, as a whole number, that knows how it compares with the dense network.

    ``search.ticket(search.best())`` is its ticket.

    Attributes:
        compared: values by trial, in the metric's own unit.
        metric: what was compared.
        tolerance: what was allowed.
        last: the last level that is finished.
    """

    compared: Compared
    metric: Metric
    tolerance: float
    last: int

    @classmethod
    def of(
        cls, compared: Compared, metric: Metric, tolerance: float, last: int
    ) -> Best:
        """The level of what was compared."""
        made = cls(compared.level)
        made.compared, made.metric = compared, metric
        made.tolerance, made.last = tolerance, last
        return made

    @property
    def density(self) -> float:
        """P_m of the level, a fraction."""
        return self.compared.density

    @property
    def value(self) -> float:
        """The metric as it is shown, of accuracies percent: the mean over trials."""
        return self.metric.scale * self.compared.mean

    @property
    def dense_value(self) -> float:
        """The same of the dense network, over the same trials."""
        return self.metric.scale * self.compared.dense_mean

    @property
    def gap(self) -> float:
        """Value less dense value, of accuracies in percentage points."""
        return self.value - self.dense_value

    @property
    def error(self) -> float | None:
        """Standard error of `gap` over trials, paired; None of a single one."""
        error = self.compared.error
        return None if error is None else self.metric.scale * error

    def __reduce__(self) -> tuple[Any, ...]:
        return Best.of, (self.compared, self.metric, self.tolerance, self.last)

    def __str__(self) -> str:
        count = len(self.compared.trials)
        percent = " %" if self.metric.is_accuracy else ""
        text = self.metric.text
        gap = f"{self.gap:+.2f}" if percent else f"{self.gap:+.4g}"
        if (error := self.error) is not None:
            gap += f" +- {error:.2f}" if percent else f" +- {error:.2g}"
        return (
            f"level {int(self)} of {self.last}: P_m "
            f"{wording.percent_kept(self.density)} %, {self.metric.said} "
            f"{text(self.compared.mean)}{percent}, dense "
            f"{text(self.compared.dense_mean)}{percent}, {gap}"
            f"{' points' if percent else ''} "
            f"({'one trial' if count == 1 else f'{count} trials'})"
        )

    def __repr__(self) -> str:
        return f"Best({self})"

    __format__ = int.__format__


def choose(trials: Trials, trial: int, metric: Metric, tolerance: float) -> Best:
    """The sparsest level of a trial within the tolerance of dense.

    Args:
        trials: rows of tickets by trial and level.
        trial: whose levels are compared.
        metric: what is compared, at the end of training.
        tolerance: of accuracies percentage points, else in the metric's own unit.

    Raises:
        LotteryError: the trial has no dense level, or none that measured the metric.
    """
    allowed = arguments.number(tolerance)
    if not 0 <= allowed < math.inf:
        raise LotteryError(
            f"tolerance={shown(tolerance)}: give points below dense that are allowed, "
            "0 or more."
        )
    rows = trials.get(trial, {})
    if not rows:
        raise LotteryError("no level is finished yet: there is none to choose.")
    if 0 in rows and rows[0]["density"] != 1:
        raise LotteryError(
            "a search with first='prune' has no dense network to compare with: "
            "compare its results yourself."
        )
    compared = compare(trials, trial, metric.final)
    if not compared:
        raise LotteryError(
            f"{metric.said} was not measured at level 0: give validation_data or "
            "test_data to fit."
        )
    found = sparsest(
        compared,
        allowed / metric.scale,
        ROUNDING / metric.scale,
        1 if grows(metric.name) else -1,
    )
    return Best.of(found, metric, allowed, compared[-1].level)
