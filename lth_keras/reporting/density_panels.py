"""How is one metric of some lines drawn, and what do its points and bars stand for?

The lines are those of `density_lines`; a panel is one set of matplotlib axes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from lth_keras.reporting import drawing
from lth_keras.reporting.density_lines import Line
from lth_keras.runs import summaries

_DENSE = "dense network"
_CENSORED = "hollow: minimum at the last evaluation, could come later"


def panel(
    axes: Any,
    found: Sequence[Line],
    metric: str,
    label: str | None,
    inches: float = 3.8,
) -> None:
    """Draws one metric of every line against the percentage of weights kept.

    Args:
        axes: a matplotlib panel.
        found: the lines.
        metric: a name in `summaries.METRICS`.
        label: of the y axis.
        inches: about how wide the panel is.
    """
    for line in found:
        _plot(axes, line, metric)
    tickets = [line for line in found if line.is_ticket]
    if len(tickets) == 1 and (points := _points(tickets[0], metric)):
        level, dense = next(iter(points.items()))
        if level == 0 and tickets[0].column[0].density == 1:
            axes.axhline(dense.mean, color=drawing.GREY, lw=1, ls=":", label=_DENSE)
    if not axes.lines:
        drawing.not_measured(axes)
    elif ends := limits(found, metric):
        axes.set_ylim(*ends)
        if below := [n.label for n in found if 0 < _best(n, metric) < ends[0]]:
            text = f"below: {', '.join(below)}"
            axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=8)
    densities = summaries.densities([line.column for line in found])
    drawing.density_axis(axes, [100 * d for d in densities.values()], inches)
    axes.set_ylabel(label or "")


def _plot(axes: Any, line: Line, metric: str) -> None:
    points = list(_points(line, metric).values())
    if not points:
        return
    ticket = line.is_ticket
    bars = [
        [point.mean - point.low for point in points],
        [point.high - point.mean for point in points],
    ]
    drawn = axes.errorbar(
        [point.percent for point in points],
        [point.mean for point in points],
        yerr=bars if any(map(any, bars)) else None,
        label=line.label,
        color=line.colour,
        marker=line.marker,
        markersize=4,
        linestyle=line.dashes,
        linewidth=1.6 if ticket else 1.2,
        elinewidth=0.8,
        capsize=2,
        zorder=3 if ticket else 2.5,
    )
    # Where many bars cross, those of the controls stay behind the lines.
    for part in (*drawn[1], *drawn[2]):
        part.set_alpha(1 if ticket else 0.5)
    if cut := [point for point in points if point.censored]:
        look: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white"}
        axes.plot(
            [point.percent for point in cut],
            [point.mean for point in cut],
            marker=line.marker,
            color=line.colour,
            markersize=5,
            zorder=4,
            label="_censored",
            **look,
        )
        axes.plot([], [], marker="o", color=drawing.GREY, label=_CENSORED, **look)


@dataclasses.dataclass(frozen=True)
class _Point:
    """A point of a line and the ends of its bar, as they are drawn.

    Attributes:
        percent: P_m.
        mean: where the point is.
        low: lower end of the bar.
        high: upper end of the bar.
        censored: whether the mean is a lower bound.
    """

    percent: float
    mean: float
    low: float
    high: float
    censored: bool


def _points(line: Line, metric: str) -> dict[int, _Point]:
    """The points by level."""
    return {
        level: _Point(
            100 * summary.density,
            scale * found.mean,
            scale * found.minimum,
            scale * found.maximum,
            metric == "early_stop_iteration" and found.censored > 0,
        )
        for level, summary in line.column.items()
        if (found := summary.metrics[metric])
        for scale in [1 if metric == "early_stop_iteration" else summary.shown.scale]
    }


def limits(found: Sequence[Line], metric: str) -> tuple[float, float] | None:
    """Ends of an axis of accuracies that no control flattens.

    None without tickets, and where no accuracies are shown. Of the controls is shown
    what lies down to 1.5 times the tickets' own range below them, and the best point
    of a control that is within eight times; lines go on past the end of the axis.
    """
    if metric == "early_stop_iteration" or not _of_accuracy(found):
        return None
    values = [
        (line.is_ticket, point.low, point.high)
        for line in found
        for point in _points(line, metric).values()
    ]
    lows = [low for ticket, low, _ in values if ticket]
    highs = [high for ticket, _, high in values if ticket]
    if not lows:
        return None
    bottom = min(low for _, low, _ in values)
    top = max(high for _, _, high in values)
    # A quarter of a point at least, lest a flat ticket magnify what is nothing.
    spread = max(max(highs) - min(lows), 0.25)
    bottom = max(bottom, min(lows) - 1.5 * spread)
    best = [_best(line, metric) for line in found]
    bottom = min([bottom, *(b for b in best if b >= min(lows) - 8 * spread)])
    room = 0.05 * max(top - bottom, 0.25)
    return bottom - room, top + room


def _best(line: Line, metric: str) -> float:
    """The highest of a line's means, in percent; 0 where nothing was measured."""
    points = _points(line, metric).values()
    return max((point.mean for point in points), default=0.0)


def _of_accuracy(found: Iterable[Line]) -> bool:
    return all(
        summary.shown.is_accuracy for line in found for summary in line.column.values()
    )


def note(found: Iterable[Line], metrics: Sequence[str]) -> str | None:
    """What the points and bars of metrics stand for, where there are several runs."""
    counts = summaries.counts([line.column for line in found], metrics)
    if all(runs == 1 for _, runs in counts):
        return None
    trials, runs = (_at_most(numbers) for numbers in zip(*counts, strict=True))
    if summaries.has_replicates(counts):
        # Two lines: a corner of the figure has no room for more words in one.
        return f"mean over {trials} trials,\nminimum and maximum over {runs} runs"
    return f"mean, minimum and maximum of {runs} runs"


def _at_most(numbers: Sequence[int]) -> str:
    most = max(numbers)
    return str(most) if min(numbers) == most else f"up to {most}"


def entries(panels: Iterable[Any]) -> dict[str, Any]:
    """The entries of the legend: lines as they come, the dense network at the end."""
    found = drawing.handles(panels)
    order = {_DENSE: 1, _CENSORED: 2}
    return {k: found[k] for k in sorted(found, key=lambda label: order.get(label, 0))}
