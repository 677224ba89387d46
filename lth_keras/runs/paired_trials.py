"""Two searches that end at the same density, compared trial by trial.

found = compare(thrifty_rows, full_rows)
found.mean, found.lowest          # points, and what they are at least at 95 %
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.runs import shown_metric, summaries, wording

# Student's t at 95 %, one-sided, for 1, 2, ... degrees of freedom; more have the last.
_STUDENT = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
    *(1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697),
)
Rows = Iterable[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Paired:
    """The last level of a search beside the level of another that is as dense.

    Attributes:
        density: share of the weights kept, in (0, 1].
        differences: of each trial of both, this search less the other, in points.
        spent: training iterations of the levels before, of this search and the other,
            the means of these trials.
    """

    density: float
    differences: tuple[float, ...]
    spent: tuple[float, float]

    @property
    def mean(self) -> float:
        """The mean difference, in points."""
        return float(np.mean(self.differences))

    @property
    def lowest(self) -> float | None:
        """What the mean is at least, at 95 % (one-sided, Student's t); None of one."""
        if (error := standard_error(self.differences)) is None:
            return None
        freedom = min(len(self.differences) - 1, len(_STUDENT))
        return self.mean - _STUDENT[freedom - 1] * error

    def __str__(self) -> str:
        count = len(self.differences)
        text = (
            f"at {wording.percent_kept(self.density)} % {self.mean:+.2f} points "
            f"({count} paired trial{'s' * (count != 1)}"
        )
        if (lowest := self.lowest) is not None:
            text += f", at least {lowest:+.2f} at 95 %"
        return f"{text}) for {self.spent[0] / self.spent[1]:.2f} of the iterations"


def standard_error(differences: Sequence[float] | np.ndarray) -> float | None:
    """That of the mean of paired differences; None of one, which has no spread."""
    if len(differences) < 2:
        return None
    return float(np.std(differences, ddof=1)) / math.sqrt(len(differences))


def compare(rows: Rows, others: Rows, monitor_metric: str | None = None) -> Paired:
    """A search's last level beside the level of another with as many weights.

    Trials are paired that have the same number and seed, and so the same initial
    weights and data order.

    Args:
        rows: result lines of a search.
        others: those of another.
        monitor_metric: what is compared in the place of the accuracy at early stop.

    Returns:
        The differences; none where no trial of both has such a level, with all levels
        before it. Of several levels as dense, the first of the other search counts.
    """
    mine, theirs = _trials(rows), _trials(others)
    last = max((level for levels in mine.values() for level in levels), default=0)
    found: list[tuple[float, int, int]] = []
    density = math.nan
    for key, levels in mine.items():
        row = levels.get(last)
        if not last or row is None or key not in theirs:
            continue
        metric = shown_metric.of_rows([row], monitor_metric)
        value, own = metric.at_early_stop(row), spent(levels, last)
        if value is None or own is None:
            continue
        for level, other in sorted(theirs[key].items()):
            if not level or not math.isclose(other["density"], row["density"]):
                continue
            against, led = metric.at_early_stop(other), spent(theirs[key], level)
            if against is not None and led is not None:
                density = row["density"]
                found.append((metric.scale * (value - against), own, led))
                break
    return Paired(
        density,
        tuple(difference for difference, _, _ in found),
        (
            float(np.mean([own for _, own, _ in found])) if found else math.nan,
            float(np.mean([other for _, _, other in found])) if found else math.nan,
        ),
    )


def spent(levels: Mapping[int, Mapping[str, Any]], level: int) -> int | None:
    """Training iterations of the levels before one; None where one is not stored.

    Args:
        levels: rows of the tickets of a trial, by level.
        level: that they led to.
    """
    if any(before not in levels for before in range(level)):
        return None
    return sum(levels[before]["iterations"] for before in range(level))


def _trials(rows: Rows) -> dict[tuple[int, Any], dict[int, Mapping[str, Any]]]:
    found: dict[tuple[int, Any], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        if row["control"] == summaries.TICKET:
            key = summaries.trial_of(row), row.get("seed")
            found.setdefault(key, {})[row["level"]] = row
    return found
