"""Two searches at each share of weights that both have, trial by trial.

for line in side_by_side.compare(rows, others, metric):
    line.difference, line.error
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lth_keras.runs import summaries
from lth_keras.runs.paired_trials import standard_error
from lth_keras.runs.shown_metric import Metric

Rows = Iterable[Mapping[str, Any]]
# Shares are the same where no keep-count could tell them apart in a table.
_CLOSE = 0.005


@dataclasses.dataclass(frozen=True)
class Beside:
    """Two searches at one share of weights.

    Attributes:
        density: of the first; that of the other is within half a percent of it.
        values: of the metric at the end of training, in its own unit, by trial.
        others: the same of the other search.
        paired: whether trials have the same number and seed in both, and so the same
            initial weights: then the values are in the same order. Trials of one
            search alone are left out then; of one pair among several all count.
    """

    density: float
    values: tuple[float, ...]
    others: tuple[float, ...]
    paired: bool

    @property
    def difference(self) -> float:
        """The first less the other, of means over trials."""
        return float(np.mean(self.values) - np.mean(self.others))

    @property
    def error(self) -> float | None:
        """Standard error of the difference; None of single trials.

        Of paired trials that of the mean of their differences, else Welch's.
        """
        if self.paired:
            return standard_error(np.subtract(self.values, self.others))
        if min(len(self.values), len(self.others)) < 2:
            return None
        parts = (np.var(v, ddof=1) / len(v) for v in (self.values, self.others))
        return math.sqrt(sum(map(float, parts)))


def compare(rows: Rows, others: Rows, metric: Metric) -> list[Beside]:
    """The shares of weights that both searches have, the densest first.

    Args:
        rows: result lines of a search; its tickets count.
        others: those of another.
        metric: what is compared.
    """
    mine, theirs = _tickets(rows, metric), _tickets(others, metric)
    found = []
    for density, trials in sorted(mine.items(), reverse=True):
        near = [d for d in theirs if math.isclose(d, density, rel_tol=_CLOSE)]
        if not near:
            continue
        against = theirs[min(near, key=lambda d: abs(d - density))]
        both = [key for key in trials if key in against]
        # One pair of many trials would throw the others away.
        paired = len(both) >= min(2, max(len(trials), len(against)))
        values = [trials[key] for key in (both if paired else trials)]
        beside = [against[key] for key in (both if paired else against)]
        found.append(Beside(density, tuple(values), tuple(beside), paired))
    return found


def _tickets(rows: Rows, metric: Metric) -> dict[float, dict[tuple[int, Any], float]]:
    """Values by density, and by trial with its seed."""
    found: dict[float, dict[tuple[int, Any], float]] = {}
    for row in rows:
        value = metric.final(row)
        if row["control"] == summaries.TICKET and value is not None:
            key = summaries.trial_of(row), row.get("seed")
            found.setdefault(row["density"], {})[key] = value
    return found
