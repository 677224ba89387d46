"""Accuracy of tickets against the iterations that were spent to find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lth_keras.errors import LotteryError
from lth_keras.reporting import clear_labels, drawing
from lth_keras.runs import paired_trials, shown_metric, summaries, wording

_HEIGHT = 4.2
# What words take beside and below the axes; both in inches.
_WORDS = (1.0, 1.4)


class Point(NamedTuple):
    """A level of a search, over its trials.

    Attributes:
        density: share of the weights kept, in (0, 1].
        spent: training iterations of all levels before it, the mean of the trials.
        values: the metric of each trial.
    """

    density: float
    spent: float
    values: tuple[float, ...]


def points(
    rows: Iterable[Mapping[str, Any]], monitor_metric: str | None = None
) -> list[Point]:
    """The pruned levels of a search, each with what led to it.

    A trial counts at a level if all levels before it are stored.

    Args:
        rows: result lines; controls are left out.
        monitor_metric: what is shown in the place of the accuracy at early stop.
    """
    tickets = [row for row in rows if row["control"] == summaries.TICKET]
    metric = shown_metric.of_rows(tickets, monitor_metric)
    trials: dict[int, dict[int, Mapping[str, Any]]] = {}
    for row in tickets:
        trials.setdefault(summaries.trial_of(row), {})[row["level"]] = row
    found: dict[int, list[tuple[float, int, float]]] = {}
    for levels in trials.values():
        for level, row in sorted(levels.items()):
            spent = paired_trials.spent(levels, level)
            value = metric.at_early_stop(row)
            if level and spent is not None and value is not None:
                each = row["density"], spent, metric.scale * value
                found.setdefault(level, []).append(each)
    return [
        Point(
            each[0][0],
            sum(spent for _, spent, _ in each) / len(each),
            tuple(value for _, _, value in each),
        )
        for _, each in sorted(found.items())
    ]


def draw(
    series: Mapping[str, Iterable[Mapping[str, Any]]],
    title: str | None = None,
    monitor_metric: str | None = None,
) -> Any:
    """A line a search through its levels: means, and bars from lowest to highest.

    Args:
        series: result rows by the name of their search.
        title: a line above the panel.
        monitor_metric: what is shown; by default what the rows name.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, or no search has a pruned level.
    """
    rows = {name: list(each) for name, each in series.items()}
    metric = shown_metric.of_searches(rows, monitor_metric)
    lines = {name: points(each, monitor_metric) for name, each in rows.items()}
    if not any(lines.values()):
        raise LotteryError("no search has a pruned level, to which iterations led")
    with drawing.style():
        figure = drawing.new(_HEIGHT, title)
        axes = figure.subplots()
        labels: list[clear_labels.Label] = []
        looks = zip(drawing.COLOURS * 9, drawing.MARKERS * 9, strict=False)
        for (name, line), (colour, marker) in zip(lines.items(), looks, strict=False):
            _plot(axes, line, name or "tickets", colour, marker)
            labels += _labels(line, colour)
        axes.set_xlabel("iterations of all levels before the ticket's own")
        axes.set_ylabel(f"{metric.said} at early stop{metric.unit}")
        axes.set_xlim(left=0)
        clear_labels.write(axes, labels, figure.get_size_inches() - _WORDS)
        drawing.grid(axes)
        drawing.legend(figure, drawing.handles([axes]), "labels: weights kept (%)")
    return figure


def _plot(axes: Any, line: list[Point], name: str, colour: str, marker: str) -> None:
    if not line:
        return
    means = [sum(point.values) / len(point.values) for point in line]
    lows = [mean - min(p.values) for mean, p in zip(means, line, strict=True)]
    highs = [max(p.values) - mean for mean, p in zip(means, line, strict=True)]
    spent = [point.spent for point in line]
    bars = [lows, highs] if any(lows) or any(highs) else None
    axes.errorbar(
        spent,
        means,
        yerr=bars,
        label=name,
        color=colour,
        ecolor=(colour, 0.4),
        marker=marker,
        markersize=4,
        linewidth=1.4,
        elinewidth=0.8,
        capsize=2,
    )


def _labels(line: list[Point], colour: str) -> list[clear_labels.Label]:
    """Of the densities; the last is the one that the search was for."""
    return [
        clear_labels.Label(
            point.spent,
            sum(point.values) / len(point.values),
            wording.percent_kept(point.density),
            colour,
            rank,
        )
        for rank, point in enumerate(reversed(line))
    ]
