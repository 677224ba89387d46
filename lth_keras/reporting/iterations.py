"""Accuracy at fixed iterations against P_m (1803.03635, figures 7 and 8)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import density_lines, density_panels, drawing
from lth_keras.runs import shown_metric, summaries, wording
from lth_keras.runs.finished import RowAndCurve
from lth_keras.runs.shown_metric import ACCURACY, Metric
from lth_keras.storage import paths

SHARES = (0.25, 0.5, 1.0)
_LETTERS = 14  # in an inch of a panel


def figure(
    series: Mapping[str, Iterable[RowAndCurve]],
    path: paths.PathLike,
    title: str | None = None,
    at: Sequence[float] = SHARES,
    monitor_metric: str | None = None,
) -> None:
    """Draws the panels and writes them as ``.png`` or ``.svg``; see `draw`."""
    drawing.check_path(path)
    drawing.save(draw(series, title, at, monitor_metric), path)


def draw(
    series: Mapping[str, Iterable[RowAndCurve]],
    title: str | None = None,
    at: Sequence[float] = SHARES,
    monitor_metric: str | None = None,
) -> Any:
    """Test accuracy against P_m, a panel for each of some iterations.

    Args:
        series: result rows with their curves by the name of their search; colours and
            dashes are those of `density.draw`.
        title: a line above the panels.
        at: iterations, or where they are at most 1, shares of each run's training. The
            last evaluation up to there is taken. Below a panel stands which runs are
            left out, for they were shorter, or began later, at the weights of a later
            iteration.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, there are no runs, or none has an
            evaluation up to one of the iterations and a training as long as that.
    """
    runs = {name: list(found) for name, found in series.items()}
    every_row = {name: [row for row, _ in found] for name, found in runs.items()}
    metric = shown_metric.of_searches(every_row, monitor_metric)
    for moment in at:
        if not moment > 0:
            raise LotteryError(
                f"at={moment:g} is no iteration: use numbers such as 5000, or shares "
                "of the training over 0 and at most 1"
            )
    panels: list[tuple[str, list[density_lines.Line], str]] = []
    for moment in dict.fromkeys(at):
        rows = {name: rows_at(found, moment, metric) for name, found in runs.items()}
        rows = {name: found for name, found in rows.items() if found}
        if not rows:
            first, last = _reach(runs)
            raise LotteryError(
                f"at={moment:g}: no run was evaluated at that iteration; evaluations "
                f"are from {first} to {last}"
            )
        lines = density_lines.lines(rows, names=runs, metric=metric)
        panels.append((_name(moment, runs), lines, left_out(runs, moment)))
    across = drawing.across(3, len(panels))
    down = -(-len(panels) // across)
    with drawing.style():
        figure = drawing.new(0.6 + 3 * down, title)
        every = figure.subplots(down, across, squeeze=False, sharey=True)
        used = list(every.flat)[: len(panels)]
        for axes in list(every.flat)[len(panels) :]:
            axes.set_axis_off()
        ends = []
        inches = drawing.panel_inches(across)
        for axes, (name, lines, missing) in zip(used, panels, strict=True):
            density_panels.panel(axes, lines, "test_accuracy", None, inches)
            axes.set_title(name)
            about = textwrap.wrap(missing, int(_LETTERS * inches))
            axes.set_xlabel("\n".join([axes.get_xlabel(), *about]))
            ends.append(density_panels.limits(lines, "test_accuracy"))
        if found := [end for end in ends if end]:
            used[0].set_ylim(min(low for low, _ in found), max(top for _, top in found))
        for axes in every[:, 0]:
            axes.set_ylabel(metric.said + metric.unit)
        every_line = [line for _, lines, _ in panels for line in lines]
        note = density_panels.note(every_line, ["test_accuracy"])
        drawing.legend(figure, density_panels.entries(used), note)
    return figure


def rows_at(
    runs: Iterable[RowAndCurve], moment: float, metric: Metric = ACCURACY
) -> list[dict[str, Any]]:
    """Result rows in which a metric is that of an earlier iteration.

    Args:
        runs: result rows with their curves.
        moment: an iteration, or up to 1 a share of each run's training.
        metric: what is shown.

    Returns:
        The rows of runs with an evaluation up to `moment` that were trained as long.
    """
    found = []
    for row, curve in runs:
        iterations = curve["iteration"]
        if _obstacle(iterations, moment):
            continue
        limit = _limit(iterations, moment)
        place = max(n for n, i in enumerate(iterations) if i <= limit)
        column = metric.column(curve)
        value = None if column is None else column[place]
        found.append({**row, "metrics": {metric.key: value}})
    return found


def left_out(runs: Mapping[str, Iterable[RowAndCurve]], moment: float) -> str:
    """Which runs have no evaluation that `rows_at` could take, and why.

    Args:
        runs: result rows with their curves by the name of their search.
        moment: an iteration, or up to 1 a share of each run's training.

    Returns:
        Such as "left out: levels 1-9, begun later"; empty if all runs have one.
    """
    lines: set[tuple[str, str]] = set()
    found: dict[str, dict[tuple[str, str], set[int]]] = {}
    for name, rows in runs.items():
        for row, curve in rows:
            line = name, summaries.label(row)
            lines.add(line)
            if reason := _obstacle(curve["iteration"], moment):
                levels = found.setdefault(reason, {}).setdefault(line, set())
                levels.add(row["level"])
    parts = []
    for reason, missing in found.items():
        texts = {line: f"levels {wording.ranges(n)}" for line, n in missing.items()}
        if set(texts) == lines and len(set(texts.values())) == 1:
            named = texts.popitem()[1]
        else:
            named = "; ".join(
                f"{', '.join(filter(None, line))} {text}"
                for line, text in texts.items()
            )
        parts.append(f"left out: {named}, {reason}")
    return "; ".join(parts)


def _limit(iterations: Sequence[int], moment: float) -> float:
    return moment * iterations[-1] if moment <= 1 else moment


def _obstacle(iterations: Sequence[int], moment: float) -> str | None:
    """Why a run evaluated at these iterations has nothing to show for a moment."""
    if not iterations:
        return "not evaluated"
    limit = _limit(iterations, moment)
    if iterations[0] > limit:
        return "begun later"
    return "shorter" if iterations[-1] < limit else None


def _reach(runs: Mapping[str, Iterable[RowAndCurve]]) -> tuple[int, int]:
    every = [i for f in runs.values() for _, c in f for i in c["iteration"]] or [0]
    return min(every), max(every)


def _name(moment: float, runs: Mapping[str, Iterable[RowAndCurve]]) -> str:
    """The title of a panel; a share is an iteration where all runs are as long."""
    if moment > 1:
        return f"at iteration {moment:,.0f}"
    totals = {c["iteration"][-1] for f in runs.values() for _, c in f if c["iteration"]}
    if len(totals) == 1:
        return f"at iteration {moment * totals.pop():,.0f}"
    return "at the end" if moment == 1 else f"at {moment:.0%} of training"
