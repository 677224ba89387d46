"""Summaries of the runs of a job, made from its stored result rows alone.

A row is one line of ``results.jsonl``: a dict about one finished training run. The
"ticket" row of level 0 is the dense network; a control's row at level l is about a
network with the density of level l.

    rows = files.read_jsonl("runs/mnist/results.jsonl")
    found = summaries.summarise(rows)
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.runs import row_fields, shown_metric
from lth_keras.runs import rows as result_rows
from lth_keras.runs.shown_metric import Metric
from lth_keras.runs.wording import percent_kept
from lth_keras.storage import fields

TICKET = "ticket"
# What is summarised. The two of the test data are those of the metric that is shown,
# which is accuracy unless the rows, or who asks, name another.
METRICS = (
    "early_stop_iteration",
    "early_stop_test_accuracy",
    "test_accuracy",
    "validation_loss",
    "train_accuracy",
)
SHOWN = METRICS[:3]


@dataclasses.dataclass(frozen=True)
class Statistic:
    """What several runs gave for one metric, in the metric's own unit.

    Attributes:
        mean: over trials; a trial's replicates count as one, by their own mean.
        minimum: over all runs.
        maximum: over all runs.
        samples: how many runs measured it.
        trials: of how many trials these are.
        censored: how many of the runs had their minimum of validation loss at their
            last evaluation: of an early-stopping iteration, mean and maximum are
            lower bounds then.
    """

    mean: float
    minimum: float
    maximum: float
    samples: int
    trials: int
    censored: int = 0


@dataclasses.dataclass(frozen=True)
class Summary:
    """The runs of one control at one level, over trials and replicates.

    Attributes:
        control: "ticket", or the control's name.
        parameters: the control's own, such as ``{"sigma": 0.5}``.
        level: pruning rounds; a control has the density of this level.
        density: P_m, the fraction of prunable weights that are kept (mean, as of a
            metric).
        samples: how many runs.
        trials: of how many trials these are.
        metrics: a statistic for each name in `METRICS`; None if no run measured it.
        shown: the metric that "test_accuracy" and "early_stop_test_accuracy" are of.
        effective: the fraction of prunable weights on a path from input to output
            (mean); None if no row says it, as those of earlier versions.
        dense_share: the largest fraction of the kernel entries that are on no mask
            without being asked, and that the density is not of.
    """

    control: str
    parameters: dict[str, Any]
    level: int
    density: float
    samples: int
    trials: int
    metrics: dict[str, Statistic | None]
    shown: Metric = Metric()
    effective: float | None = None
    dense_share: float = 0.0

    @property
    def label(self) -> str:
        """The control with its parameters: ``noise sigma=0.5``."""
        return label({"control": self.control, "parameters": self.parameters})


# One column of a table, and one curve of a figure: a control's summaries by level.
Column = dict[int, Summary]


def summarise(
    rows: Iterable[Mapping[str, Any]], metric: Metric | None = None
) -> list[Summary]:
    """Joins the runs that differ in trial and replicate only.

    Replicates are averaged within their trial first: they share its mask or initial
    weights, and a trial with more of them has no more weight.

    Args:
        rows: result rows. A metric may be absent or None: the run did not measure it.
            A row without a trial is of trial 0.
        metric: what is shown of the test data; by default what the rows name.

    Returns:
        Summaries, those of the ticket first, then each control's in the order of its
        first row; levels ascending.

    Raises:
        LotteryError: if there are no rows, or one lacks its control, level or density,
            or a field of it is of another kind.
    """
    groups: dict[tuple[str, str], dict[int, list[Mapping[str, Any]]]] = {}
    every: list[Mapping[str, Any]] = []
    for number, given in enumerate(rows, start=1):
        record = fields.Record(dict(given), f"result row {number}")
        row = row_fields.checked(record, METRICS)
        every.append(row)
        parameters = json.dumps(row.get("parameters") or {}, sort_keys=True)
        levels = groups.setdefault((row["control"], parameters), {})
        levels.setdefault(row["level"], []).append(row)
    if not groups:
        raise LotteryError("there are no result rows to report: no run has finished")
    shown = shown_metric.of_rows(every) if metric is None else metric
    return [
        Summary(
            control=control,
            parameters=json.loads(parameters),
            level=level,
            density=density.mean,
            samples=density.samples,
            trials=density.trials,
            metrics={name: _statistic(name, group, shown) for name in METRICS},
            shown=shown,
            effective=on_paths.mean if on_paths else None,
            dense_share=max(row.get("dense_share") or 0.0 for row in group),
        )
        for (control, parameters), levels in sorted(
            groups.items(), key=lambda item: item[0][0] != TICKET
        )
        for level, group in sorted(levels.items())
        for on_paths in [_statistic("effective_density", group, shown)]
        if (density := _statistic("density", group, shown))
    ]


def columns_of(summaries: Iterable[Summary]) -> list[Column]:
    """The summaries by label, as met, and each label's by level."""
    columns: dict[str, Column] = {}
    for summary in summaries:
        columns.setdefault(summary.label, {})[summary.level] = summary
    return list(columns.values())


def densities(columns: Sequence[Column]) -> dict[int, float]:
    """Density by level, ascending; the ticket's where it has the level."""
    found: dict[int, float] = {}
    for column in columns:
        for level, summary in column.items():
            found.setdefault(level, summary.density)
    return dict(sorted(found.items()))


def effective(columns: Sequence[Column]) -> dict[int, float]:
    """The share of weights on a path by level; the ticket's where it has the level.

    Empty where it is nowhere to be told from the density, as tables write it.
    """
    found: dict[int, float] = {}
    for column in columns:
        for level, summary in column.items():
            if summary.effective is not None:
                found.setdefault(level, summary.effective)
    shown = {level: percent_kept(share) for level, share in found.items()}
    known = densities(columns)
    same = all(percent_kept(known[level]) == text for level, text in shown.items())
    return {} if same else found


def counts(
    columns: Iterable[Column], names: Sequence[str] = SHOWN
) -> set[tuple[int, int]]:
    """Of how many trials, and of how many runs, the points of columns are.

    Args:
        columns: summaries by level.
        names: the metrics that are shown, in `METRICS`.

    Returns:
        Each (trials, runs) that a level and metric has; none if nothing was measured.
    """
    return {
        (statistic.trials, statistic.samples)
        for column in columns
        for summary in column.values()
        for name in names
        if (statistic := summary.metrics[name])
    }


def has_replicates(found: Iterable[tuple[int, int]]) -> bool:
    """Whether `counts` has means over trials that are no plain means over runs."""
    return any(1 < trials < runs for trials, runs in found)


def meaning(
    columns: Iterable[Column], ends: str, names: Sequence[str] = SHOWN
) -> str | None:
    """What means and `ends`, such as "(min-max)", are of; None for single runs."""
    found = counts(columns, names)
    if all(runs == 1 for _, runs in found):
        return None
    if has_replicates(found):
        return f"Mean over trials, of each its runs' mean; {ends} over all runs."
    return f"Mean and {ends} of n runs."


def dense_share(columns: Iterable[Column]) -> float:
    """The largest share of kernel entries that some column's density is not of."""
    return max(found.dense_share for column in columns for found in column.values())


def any_censored(columns: Iterable[Column]) -> bool:
    """Whether an early-stopping iteration of some columns is a lower bound."""
    return any(
        statistic.censored
        for column in columns
        for summary in column.values()
        if (statistic := summary.metrics["early_stop_iteration"])
    )


def trial_of(row: Mapping[str, Any]) -> int:
    """The trial of a row; one that has none is of trial 0."""
    return row.get("trial") or 0


def label(row: Mapping[str, Any]) -> str:
    """The control of a row with its parameters: ``noise sigma=0.5``."""
    parameters = sorted((row.get("parameters") or {}).items())
    return " ".join([row["control"], *(f"{key}={v}" for key, v in parameters)])


def _statistic(
    name: str, group: Sequence[Mapping[str, Any]], shown: Metric
) -> Statistic | None:
    trials: dict[int, list[float]] = {}
    censored = 0
    for row in group:
        value = row.get(name)
        if name == "test_accuracy":
            value = shown.final(row)
        elif name == "early_stop_test_accuracy":
            value = shown.at_early_stop(row)
        if value is not None:
            trials.setdefault(trial_of(row), []).append(value)
            if name == "early_stop_iteration":
                censored += result_rows.is_censored(row)
    if not trials:
        return None
    values = [value for found in trials.values() for value in found]
    means = [math.fsum(found) / len(found) for found in trials.values()]
    mean = math.fsum(means) / len(means)
    ends = min(values), max(values)
    return Statistic(mean, *ends, len(values), len(trials), censored)
