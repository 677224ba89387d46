"""How is one metric of some lines drawn, and what do its points and bars stand for?

The lines are those of `density_lines`; a panel is one set of matplotlib axes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from lth_keras.reporting import drawing, styles
from lth_keras.reporting.density_lines import Line
from lth_keras.runs import display_names, summaries

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
    for line, factor in zip(found, dodged(found, metric), strict=True):
        _plot(axes, line, metric, factor)
    tickets = [line for line in found if line.is_ticket]
    if len(tickets) == 1 and (points := points_of(tickets[0], metric)):
        level, dense = next(iter(points.items()))
        if level == 0 and tickets[0].column[0].density == 1:
            axes.axhline(dense.mean, color=drawing.GREY, lw=1, ls=":", label=_DENSE)
    if not axes.lines:
        drawing.not_measured(axes)
    elif ends := limits(found, metric):
        axes.set_ylim(*ends)
        if below := [n.label for n in found if 0 < _best(n, metric) < ends[0]]:
            text = f"below: {', '.join(map(display_names.line, below))}"
            size = styles.current().font - 1
            axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=size)
    densities = summaries.densities([line.column for line in found])
    drawing.density_axis(axes, [100 * d for d in densities.values()], inches)
    axes.set_ylabel(label or "")


def share(panels: Sequence[Any], metrics: Sequence[str]) -> None:
    """Panels of accuracies get one range, so that they are compared at a glance."""
    alike = [
        axes
        for axes, metric in zip(panels, metrics, strict=True)
        if metric != "early_stop_iteration" and axes.lines
    ]
    if len(alike) > 1:
        ends = [axes.get_ylim() for axes in alike]
        for axes in alike:
            axes.set_ylim(min(low for low, _ in ends), max(top for _, top in ends))


def dodged(found: Sequence[Line], metric: str) -> list[float]:
    """What P_m is multiplied by for each line, so that error bars stand side by side.

    All 1 where at most one line has bars. All lines together take a third of the room
    between two levels, on a logarithmic axis.
    """
    barred = [any(p.low < p.high for p in points_of(n, metric).values()) for n in found]
    if sum(barred) < 2:
        return [1.0] * len(found)
    percents = sorted({s.density for line in found for s in line.column.values()})
    gaps = [math.log(b / a) for a, b in itertools.pairwise(percents) if b > a * 1.01]
    step = min(0.02, min(gaps, default=0.06) / 3 / max(1, len(found) - 1))
    middle = (len(found) - 1) / 2
    # The axis descends: the first line stands leftmost.
    return [math.exp(step * (middle - place)) for place in range(len(found))]


def _plot(axes: Any, line: Line, metric: str, factor: float) -> None:
    points = list(points_of(line, metric).values())
    if not points:
        return
    look = styles.current()
    ticket = line.is_ticket
    bars = [
        [point.mean - point.low for point in points],
        [point.high - point.mean for point in points],
    ]
    drawn = axes.errorbar(
        [point.percent * factor for point in points],
        [point.mean for point in points],
        yerr=bars if any(map(any, bars)) else None,
        label=line.label,
        color=line.colour,
        marker=line.marker,
        markersize=look.marker,
        linestyle=line.dashes,
        linewidth=look.line * (1.6 if ticket else 1.2),
        elinewidth=look.line,
        capsize=2,
        zorder=3 if ticket else 2.5,
    )
    # Where many bars cross, those of the controls stay behind the lines.
    for part in (*drawn[1], *drawn[2]):
        part.set_alpha(1 if ticket else 0.5)
    if cut := [point for point in points if point.censored]:
        hollow: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white"}
        axes.plot(
            [point.percent * factor for point in cut],
            [point.mean for point in cut],
            marker=line.marker,
            color=line.colour,
            markersize=look.marker + 1,
            zorder=4,
            label="_censored",
            **hollow,
        )
        axes.plot([], [], marker="o", color=drawing.GREY, label=_CENSORED, **hollow)


@dataclasses.dataclass(frozen=True)
class Point:
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


def points_of(line: Line, metric: str) -> dict[int, Point]:
    """The points by level."""
    return {
        level: Point(
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
        for point in points_of(line, metric).values()
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
    points = points_of(line, metric).values()
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
