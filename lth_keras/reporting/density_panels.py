"""How is one metric of some lines drawn, and what do its points and bars stand for?

The lines are those of `density_lines`; a panel is one set of matplotlib axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lth_keras.reporting import drawing
from lth_keras.reporting.density_lines import Line
from lth_keras.runs import summaries

_DENSE = "dense network"


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
        level, (_, mean, _, _) = next(iter(points.items()))
        if level == 0:
            axes.axhline(mean, color=drawing.GREY, lw=1, ls=":", label=_DENSE)
    if not axes.lines:
        drawing.not_measured(axes)
    elif metric != "early_stop_iteration" and (ends := limits(found, metric)):
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
    percents, means, lows, highs = zip(*points, strict=True)
    bars = [
        [mean - low for mean, low in zip(means, lows, strict=True)],
        [high - mean for mean, high in zip(means, highs, strict=True)],
    ]
    drawn = axes.errorbar(
        percents,
        means,
        yerr=bars if any(map(any, bars)) else None,
        label=line.label,
        color=line.colour,
        marker=line.marker,
        markerfacecolor="white" if line.hollow else line.colour,
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


def _points(line: Line, metric: str) -> dict[int, tuple[float, float, float, float]]:
    """By level: P_m in percent, then mean, minimum and maximum as they are drawn."""
    scale = 1 if metric == "early_stop_iteration" else 100
    return {
        level: (
            100 * summary.density,
            scale * found.mean,
            scale * found.minimum,
            scale * found.maximum,
        )
        for level, summary in line.column.items()
        if (found := summary.metrics[metric])
    }


def limits(found: Sequence[Line], metric: str) -> tuple[float, float] | None:
    """Ends of an axis of accuracies that no control flattens; None without tickets.

    Of the controls is shown what lies down to 1.5 times the tickets' own range below
    them, and the best point of a control that is within eight times; lines go on
    past the end of the axis.
    """
    values = [
        (line.is_ticket, low, high)
        for line in found
        for _, _, low, high in _points(line, metric).values()
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
    return max((mean for _, mean, _, _ in points), default=0.0)


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
    """The entries of the legend: lines as they come, the dense network last."""
    found = drawing.handles(panels)
    return {k: found[k] for k in sorted(found, key=lambda label: label == _DENSE)}
