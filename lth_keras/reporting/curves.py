"""Test accuracy against training iteration for a few P_m (1803.03635, figure 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing, styles
from lth_keras.runs import display_names, shown_levels, shown_metric, summaries, wording
from lth_keras.runs.finished import RowAndCurve
from lth_keras.runs.shown_metric import ACCURACY, Metric
from lth_keras.storage import paths

# By label and level.
Groups = dict[str, dict[int, list[RowAndCurve]]]

_PREFERRED = "random_reinit"
_MARKS = 8  # markers on a line


def figure(
    runs: Iterable[RowAndCurve],
    path: paths.PathLike,
    title: str | None = None,
    densities: Sequence[float] | None = None,
    controls: Sequence[str] | None = None,
    monitor_metric: str | None = None,
) -> None:
    """Draws the curves and writes them as ``.png`` or ``.svg``; see `draw`."""
    drawing.check_path(path)
    drawing.save(draw(runs, title, densities, controls, monitor_metric), path)


def draw(
    runs: Iterable[RowAndCurve],
    title: str | None = None,
    densities: Sequence[float] | None = None,
    controls: Sequence[str] | None = None,
    monitor_metric: str | None = None,
) -> Any:
    """Test accuracy against training iteration, a colour for each P_m.

    The first panel shows tickets; one more for each control repeats them, with the
    control dashed in the same colours. Lines are means over trials, of replicates
    within each trial first; bands are the minimum and maximum over all runs. The axis
    ends below what comes after the first tenth of training, of a control after the
    first third.

    Args:
        runs: result rows with their curves.
        title: a line above the panels.
        densities: P_m in percent, at most seven; the nearest levels are taken. Five
            levels spread over all by default.
        controls: labels as in the table (``noise sigma=0.5``); by default
            random_reinit, or else the first one.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, there are no runs, a percentage is none
            or they are too many, or a control has no runs.
    """
    runs = list(runs)
    groups = grouped(runs)
    metric = shown_metric.of_rows((row for row, _ in runs), monitor_metric)
    columns = summaries.columns_of(summaries.summarise((r for r, _ in runs), metric))
    found = summaries.densities(columns)
    most = len(drawing.COLOURS)
    chosen = shown_levels.choose_levels(found, densities, most=most)
    shown = controls_of(groups, controls)
    panels: list[tuple[str, list[str]]] = [("tickets", [summaries.TICKET])]
    panels += [
        (f"with {display_names.control(label)}", [summaries.TICKET, label])
        for label in shown
    ]
    across = drawing.across(2, len(panels))
    down = -(-len(panels) // across)
    with drawing.style():
        figure = drawing.new(4.2 if down == 1 else 3.5 * down, title)
        # Tickets, and tickets with a control, are compared at a glance.
        every = figure.subplots(down, across, squeeze=False, sharey=True)
        for axes in list(every.flat)[len(panels) :]:
            axes.set_axis_off()
        used = list(every.flat)[: len(panels)]
        for axes, (name, labels) in zip(used, panels, strict=True):
            panel(axes, groups, {n: found[n] for n in chosen}, labels, metric)
            if shown:
                axes.set_title(name)
        ends = [axes.get_ylim() for axes in used if axes.lines]
        if ends:
            used[0].set_ylim(min(low for low, _ in ends), max(top for _, top in ends))
        for axes in every[:, 0]:
            axes.set_ylabel(metric.said + metric.unit)
        entries = drawing.handles(used)
        entries = {k: v for k, v in entries.items() if not k.startswith("_")}
        drawing.legend(figure, entries, title="weights remaining")
    return figure


def grouped(runs: Iterable[RowAndCurve]) -> Groups:
    """The runs by label, "ticket" or a control's, and level."""
    groups: Groups = {}
    for row, curve in runs:
        levels = groups.setdefault(summaries.label(row), {})
        levels.setdefault(row["level"], []).append((row, curve))
    return groups


def panel(
    axes: Any,
    groups: Groups,
    densities: Mapping[int, float],
    labels: Iterable[str],
    metric: Metric = ACCURACY,
) -> None:
    """Draws the curves of some levels in one panel, controls dashed.

    Args:
        axes: a matplotlib panel.
        groups: from `grouped`.
        densities: P_m of the levels that are drawn, at most seven.
        labels: what is drawn of the groups.
        metric: what is shown.
    """
    ends = []
    for label in labels:
        for index, (level, density) in enumerate(densities.items()):
            drawn = _line(
                axes,
                groups.get(label, {}).get(level, []),
                f"{wording.percent_kept(density)} %",
                index,
                label != summaries.TICKET,
                metric,
            )
            if drawn:
                ends.append(drawn)
    if ends:
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        least = 0.25 if metric.is_accuracy else 1e-9
        room = 0.04 * max(high - low, least)
        axes.set_ylim(low - room, high + room)
    else:
        drawing.not_measured(axes)
    drawing.grid(axes)
    axes.set_xlabel("training iteration")


def mean_curve(
    curves: Sequence[RowAndCurve], metric: Metric = ACCURACY
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """A metric over several runs, at the iterations that all of them evaluated.

    Returns:
        Iterations (n,), the mean over trials (n,), in which a trial's replicates count
        as one, and the values of the runs (runs, n), accuracies in percent; NaN where
        a run had no finite value. None if a run has no such metric or they have no
        iteration in common.
    """
    tables = []
    trials: dict[int, list[int]] = {}
    for number, (row, curve) in enumerate(curves):
        trials.setdefault(summaries.trial_of(row), []).append(number)
        column = metric.column(curve)
        if column is None:
            return None
        tables.append(dict(zip(curve["iteration"], column, strict=True)))
    if not tables:
        return None
    iterations = sorted(set.intersection(*(set(table) for table in tables)))
    if not iterations:
        return None
    found = [[table[i] for i in iterations] for table in tables]
    values = metric.scale * np.asarray(found, dtype=float)
    mean = np.mean([values[numbers].mean(0) for numbers in trials.values()], axis=0)
    return np.asarray(iterations), mean, values


def controls_of(
    groups: Iterable[str], wanted: Sequence[str] | None = None
) -> list[str]:
    """The controls that are shown: those wanted, or random_reinit, or the first one.

    Raises:
        LotteryError: one that is wanted has no runs.
    """
    known = [label for label in groups if label != summaries.TICKET]
    if wanted is None:
        return [_PREFERRED] if _PREFERRED in known else known[:1]
    for label in wanted:
        if label not in known:
            raise LotteryError(
                f"controls={label!r} has no runs: use {', '.join(known) or 'none'}"
            )
    return list(wanted)


def _line(
    axes: Any,
    curves: Sequence[RowAndCurve],
    label: str,
    index: int,
    dashed: bool,
    metric: Metric,
) -> tuple[float, float] | None:
    """Draws a mean with its band; its range, but for the start."""
    found = mean_curve(curves, metric)
    if found is None:
        return None
    iterations, mean, values = found
    low, high = values.min(0), values.max(0)
    every = max(1, len(iterations) // _MARKS)
    colour = drawing.COLOURS[index]
    axes.plot(
        iterations,
        mean,
        # What begins with an underscore is left out of a legend.
        label=f"_{label}" if dashed else label,
        color=colour,
        linestyle="--" if dashed else "-",
        linewidth=1.2 if dashed else 1.5,
        marker=drawing.MARKERS[index],
        markerfacecolor="white" if dashed else colour,
        markersize=styles.current().marker,
        markevery=(index * every // len(drawing.MARKERS), every),
    )
    if len(values) > 1:
        axes.fill_between(iterations, low, high, color=colour, alpha=0.15, linewidth=0)
    late = iterations >= (0.3 if dashed else 0.1) * iterations[-1]
    if not np.isfinite(mean[late]).any():
        return None
    if metric.is_accuracy:
        return float(np.nanmin(mean[late])), float(np.nanmax(high[late]))
    return float(np.nanmin(low[late])), float(np.nanmax(mean[late]))
