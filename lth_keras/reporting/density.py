"""The paper's curves against P_m, drawn from stored result rows alone.

Figures 4, 5 and 6 of 1803.03635: the early-stopping iteration, the accuracy there, and
that at the end, with controls. The rows are those of `report`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import summaries
from lth_keras.storage import paths

Rows = Iterable[Mapping[str, Any]]

METRICS: Mapping[str, str] = {
    "early_stop_iteration": "early-stopping iteration",
    "early_stop_test_accuracy": "test accuracy at early stop (%)",
    "test_accuracy": "test accuracy after training (%)",
}
_DENSE = "dense network"
_DASHES = ("--", "-.", ":")


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a figure: a column of the table, and how it is drawn.

    Attributes:
        label: its name in the legend.
        column: summaries by level.
        colour: of the line, its markers and bars.
        marker: matplotlib's name of the marker.
        dashes: matplotlib's line style; tickets are solid.
        hollow: whether the markers are, where colours have come round again.
    """

    label: str
    column: summaries.Column
    colour: str
    marker: str
    dashes: str = "-"
    hollow: bool = False

    @property
    def is_ticket(self) -> bool:
        return next(iter(self.column.values())).control == summaries.TICKET


def figure(
    rows: Rows,
    path: paths.PathLike,
    title: str | None = None,
    metrics: Sequence[str] = ("early_stop_iteration", "early_stop_test_accuracy"),
) -> None:
    """Draws the curves of the paper against the percentage of weights remaining.

    A panel per metric; the ticket solid, controls dashed, the dense network a
    horizontal line. Points are means over trials, of replicates within each trial
    first; bars are the minimum and maximum over all runs.

    Args:
        rows: result rows.
        path: where to write, atomically; ``.png`` (1800 pixels wide) or ``.svg``.
        title: a line above the panels.
        metrics: names in `METRICS`, one to three.

    Raises:
        LotteryError: if matplotlib is missing, the suffix is another, there are no
            rows, or the file cannot be written.
    """
    drawing.check_path(path)
    drawing.save(draw({"": rows}, title, metrics), path)


def draw(
    series: Mapping[str, Rows], title: str | None = None, metrics: Sequence[str] = ()
) -> Any:
    """The figure of one search, or of several in the same panels.

    Args:
        series: result rows by the name of their search. Several searches have a
            colour each, in which their controls are dashed; one has a colour for each
            control.
        title: a line above the panels.
        metrics: names in `METRICS`; all three by default.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, a metric is unknown, a search has no
            rows, or several have more than three kinds of controls.
    """
    metrics = tuple(metrics) or tuple(METRICS)
    for metric in metrics:
        if metric not in METRICS:
            raise LotteryError(
                f"metrics={metric!r} cannot be drawn: use {', '.join(METRICS)}"
            )
    found = lines(series)
    with drawing.style():
        if len(metrics) < 3:
            figure = drawing.new(4, title)
            panels = list(figure.subplots(1, len(metrics), squeeze=False).flat)
            corner = None
        else:
            # Three panels side by side would be small; the legend fills the fourth.
            figure = drawing.new(6.6, title)
            *panels, corner = figure.subplots(2, 2).flat
        for axes, metric in zip(panels, metrics, strict=True):
            panel(axes, found, metric, METRICS[metric])
        named = entries(panels)
        if corner is None:
            drawing.legend(figure, named, note(found, metrics))
        else:
            corner.set_axis_off()
            corner.legend(
                named.values(),
                list(named),
                loc="center",
                title=note(found, metrics),
                frameon=False,
            )
    return figure


def lines(series: Mapping[str, Rows], names: Iterable[str] | None = None) -> list[Line]:
    """The lines of one search or of several, each with its colour and marker.

    Args:
        series: result rows by the name of their search.
        names: of all the searches, where some of them may be missing in `series`.

    Raises:
        LotteryError: if a search has no rows, or several have more than three kinds of
            controls.
    """
    columns = {name: _ordered(rows) for name, rows in series.items()}
    every = list(series if names is None else names)
    if len(every) == 1:
        (found,) = columns.values()
        # The ticket's look is its own, also where there are controls only.
        first = 0 if _label(found[0]) == summaries.TICKET else 1
        return [
            Line(_label(column), column, *_look(index))
            for index, column in enumerate(found, start=first)
        ]
    labels = dict.fromkeys(_label(c) for found in columns.values() for c in found)
    controls = [label for label in labels if label != summaries.TICKET]
    if len(controls) > len(_DASHES):
        raise LotteryError(
            f"controls: {len(controls)} of several searches are more than one figure "
            f"can tell apart; choose at most {len(_DASHES)} of {', '.join(controls)}"
        )
    dashes = dict(zip(controls, _DASHES, strict=False))
    return [
        Line(
            name if label == summaries.TICKET else f"{name}, {label}",
            column,
            drawing.COLOURS[index % len(drawing.COLOURS)],
            drawing.MARKERS[index % len(drawing.MARKERS)],
            dashes.get(label, "-"),
            hollow=label != summaries.TICKET,
        )
        for name, found in columns.items()
        for index in [every.index(name)]
        for column in found
        for label in [_label(column)]
    ]


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
        metric: a name in `report.METRICS`.
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


def _ordered(rows: Rows) -> list[summaries.Column]:
    """The columns, with the paper's own control before all others."""
    order = {summaries.TICKET: 0, "random_reinit": 1}
    columns = summaries.columns_of(summaries.summarise(rows))
    return sorted(columns, key=lambda column: order.get(_label(column), 2))


def _label(column: summaries.Column) -> str:
    return next(iter(column.values())).label


def _look(index: int) -> tuple[str, str, str, bool]:
    """Colour, marker, dashes and hollowness of a search's n-th line, 0 the ticket."""
    if index == 0:
        return drawing.COLOURS[0], drawing.MARKERS[0], "-", False
    others = len(drawing.COLOURS) - 1
    turn, place = divmod(index - 1, others)
    return (
        drawing.COLOURS[1 + place],
        drawing.MARKERS[1 + place],
        _DASHES[turn % len(_DASHES)],
        turn % 2 == 1,
    )
