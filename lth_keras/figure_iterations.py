"""Accuracy at fixed iterations against P_m (1803.03635, figures 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras import drawing, figures, files
from lth_keras.compat import LotteryError
from lth_keras.run_files import RowAndCurve

SHARES = (0.25, 0.5, 1.0)


def figure(
    series: Mapping[str, Iterable[RowAndCurve]],
    path: files.PathLike,
    title: str | None = None,
    at: Sequence[float] = SHARES,
) -> None:
    """Draws the panels and writes them as ``.png`` or ``.svg``; see `draw`."""
    drawing.check_path(path)
    drawing.save(draw(series, title, at), path)


def draw(
    series: Mapping[str, Iterable[RowAndCurve]],
    title: str | None = None,
    at: Sequence[float] = SHARES,
) -> Any:
    """Test accuracy against P_m, a panel for each of some iterations.

    Args:
        series: result rows with their curves by the name of their search; colours and
            dashes are those of `figures.draw`.
        title: a line above the panels.
        at: iterations, or where they are at most 1, shares of each run's training. The
            last evaluation up to there is taken; runs that were shorter are left out.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, there are no runs, or none has an
            evaluation up to one of the iterations and a training as long as that.
    """
    runs = {name: list(found) for name, found in series.items()}
    for moment in at:
        if not moment > 0:
            raise LotteryError(
                f"at={moment:g} is no iteration: use numbers such as 5000, or shares "
                "of the training over 0 and at most 1"
            )
    panels = []
    for moment in dict.fromkeys(at):
        rows = {name: rows_at(found, moment) for name, found in runs.items()}
        rows = {name: found for name, found in rows.items() if found}
        if not rows:
            first, last = _reach(runs)
            raise LotteryError(
                f"at={moment:g}: no run was evaluated at that iteration; evaluations "
                f"are from {first} to {last}"
            )
        panels.append((_name(moment, runs), figures.lines(rows, names=runs)))
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    with drawing.style():
        figure = drawing.new(0.6 + 3 * down, title)
        every = figure.subplots(down, across, squeeze=False, sharey=True)
        used = list(every.flat)[: len(panels)]
        for axes in list(every.flat)[len(panels) :]:
            axes.set_axis_off()
        ends = []
        for axes, (name, lines) in zip(used, panels, strict=True):
            figures.panel(axes, lines, "test_accuracy", None, 8.0 / across)
            axes.set_title(name)
            ends.append(figures.limits(lines, "test_accuracy"))
        if found := [end for end in ends if end]:
            used[0].set_ylim(min(low for low, _ in found), max(top for _, top in found))
        for axes in every[:, 0]:
            axes.set_ylabel("test accuracy (%)")
        every_line = [line for _, lines in panels for line in lines]
        drawing.legend(figure, figures.entries(used), figures.note(every_line))
    return figure


def rows_at(runs: Iterable[RowAndCurve], moment: float) -> list[dict[str, Any]]:
    """Result rows in which the test accuracy is that of an earlier iteration.

    Args:
        runs: result rows with their curves.
        moment: an iteration, or up to 1 a share of each run's training.

    Returns:
        The rows of runs with an evaluation up to `moment` that were trained as long.
    """
    found = []
    for row, curve in runs:
        iterations = curve["iteration"]
        if not iterations:
            continue
        limit = moment * iterations[-1] if moment <= 1 else moment
        reached = [n for n, i in enumerate(iterations) if i <= limit]
        if not reached or iterations[-1] < limit:
            continue
        name = next((n for n in curve if n.startswith("test_") and "acc" in n), None)
        value = None if name is None else curve[name][reached[-1]]
        found.append({**row, "test_accuracy": value})
    return found


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
