"""Figures for scripts and notebooks, on axes of the caller's: `lth.plot_...`.

ax = lth.plot_density("runs/mnist")
lth.plot_curves(search, densities=[100, 21, 3.6], ax=axes[1])

The look is that of the caller's own matplotlib style; whole figures in ours are those
of `reporting.density` and its like, and of lth-plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lth_keras.arguments import listed, number, text
from lth_keras.errors import LotteryError, shown
from lth_keras.reporting import curves, density_lines, density_panels, drawing, given
from lth_keras.runs import display_names, shown_levels, shown_metric, summaries

_INCHES = 5.0  # of a panel, about, where nobody says


def plot_density(
    results: Any,
    metric: str = "test_accuracy",
    ax: Any = None,
    monitor_metric: str | None = None,
) -> Any:
    """Draws a metric against the share of weights that are kept (1803.03635, figure 4).

    The ticket is solid, controls are dashed, the dense network is a horizontal line.
    Points are means over trials, bars the minimum and maximum; where the minimum of
    validation loss came at the last evaluation, a point is hollow.

    Args:
        results: a search, an experiment, what `fit` returned, a run directory, result
            lines; or a dict of such by name, which are drawn together.
        metric: "test_accuracy" (after training), "early_stop_test_accuracy" or
            "early_stop_iteration".
        ax: matplotlib axes to draw on; new ones by default.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the result lines name.

    Returns:
        The axes.

    Raises:
        LotteryError: matplotlib is missing, an argument is none of these, or no run is
            finished.
    """
    series = given.series(results)
    _checked(monitor_metric)
    shown_as = shown_metric.of_searches(series, monitor_metric)
    labels = shown_metric.labels(shown_as)
    if not isinstance(metric, str) or metric not in labels:
        raise LotteryError(f"metric={shown(metric)}: use {', '.join(labels)}.")
    lines = density_lines.lines(series, metric=shown_as)
    axes = axes_of(ax)
    density_panels.panel(axes, lines, metric, labels[metric], _INCHES)
    entries = density_panels.entries([axes])
    axes.legend(
        list(entries.values()),
        [display_names.line(label) for label in entries],
        title=density_panels.note(lines, [metric]),
        frameon=False,
    )
    return axes


def plot_curves(
    results: Any,
    densities: Sequence[float] | None = None,
    ax: Any = None,
    control: str | None = None,
    monitor_metric: str | None = None,
) -> Any:
    """Draws a metric against the iteration, for some P_m (1803.03635, figure 3).

    Args:
        results: a search, what `fit` returned, or a run directory.
        densities: P_m in percent, at most seven; the nearest levels are taken. Five
            levels spread over all by default.
        ax: matplotlib axes to draw on; new ones by default.
        control: a control that is drawn too, dashed: "random_reinit".
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the result lines name.

    Returns:
        The axes.

    Raises:
        LotteryError: matplotlib is missing, an argument is none of these, or no run is
            finished.
    """
    runs = given.curves(results)
    _checked(monitor_metric)
    rows = [row for row, _ in runs]
    metric = shown_metric.of_rows(rows, monitor_metric)
    groups = curves.grouped(runs)
    if control is not None and text("control", control, "a control") not in groups:
        others = [label for label in groups if label != summaries.TICKET]
        raise LotteryError(
            f"control={shown(control)} has no runs: use {', '.join(others) or 'none'}."
        )
    known = summaries.densities(summaries.columns_of(summaries.summarise(rows, metric)))
    if densities is not None:
        percents = listed("densities", densities, "percentages, such as [100, 21.1]")
        densities = [number(percent) for percent in percents]
    most = len(drawing.COLOURS)
    chosen = shown_levels.choose_levels(known, densities, most=most)
    axes = axes_of(ax)
    labels = [summaries.TICKET, *([control] if control else [])]
    curves.panel(axes, groups, {n: known[n] for n in chosen}, labels, metric)
    axes.set_ylabel(metric.said + metric.unit)
    axes.legend(title="weights remaining", frameon=False)
    return axes


def axes_of(ax: Any) -> Any:
    """The axes to draw on: those given, or new ones of pyplot.

    Raises:
        LotteryError: matplotlib is missing, or `ax` is something else.
    """
    try:
        import matplotlib.axes
        from matplotlib import pyplot
    except ImportError as error:
        raise LotteryError(drawing.MISSING) from error
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
    if not isinstance(ax, matplotlib.axes.Axes):
        raise LotteryError(
            f"ax={shown(ax)}: give axes of matplotlib, such as plt.subplots()[1], or "
            "leave it out."
        )
    return ax


def _checked(monitor_metric: Any) -> None:
    if monitor_metric is not None:
        text("monitor_metric", monitor_metric, "a metric of the result lines")
