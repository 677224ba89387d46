"""The paper's curves against P_m, drawn from stored result rows alone.

Figures 4, 5 and 6 of 1803.03635: the early-stopping iteration, the accuracy there, and
that at the end, with controls. The rows are those of `runs.summaries`;
`density_lines` makes lines of them, and `density_panels` draws one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.reporting.density_lines import Rows, lines
from lth_keras.reporting.density_panels import entries, note, panel, share
from lth_keras.runs import shown_metric
from lth_keras.storage import paths

METRICS: Mapping[str, str] = shown_metric.labels(shown_metric.ACCURACY)


def figure(
    rows: Rows,
    path: paths.PathLike,
    title: str | None = None,
    metrics: Sequence[str] = ("early_stop_iteration", "early_stop_test_accuracy"),
    monitor_metric: str | None = None,
) -> None:
    """Draws the curves of the paper against the percentage of weights remaining.

    A panel per metric; the ticket solid, controls dashed, the dense network a
    horizontal line. Points are means over trials, of replicates within each trial
    first; bars are the minimum and maximum over all runs. Where the early-stopping
    iteration of a run was its last evaluation, the point is hollow: it lies too low.

    Args:
        rows: result rows.
        path: where to write, atomically; ``.png``, ``.svg`` or ``.pdf``.
        title: a line above the panels.
        metrics: names in `METRICS`, one to three.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Raises:
        LotteryError: if matplotlib is missing, the suffix is another, there are no
            rows, or the file cannot be written.
    """
    drawing.check_path(path)
    drawing.save(draw({"": rows}, title, metrics, monitor_metric), path)


def draw(
    series: Mapping[str, Rows],
    title: str | None = None,
    metrics: Sequence[str] = (),
    monitor_metric: str | None = None,
) -> Any:
    """The figure of one search, or of several in the same panels.

    Args:
        series: result rows by the name of their search. Several searches have a
            colour each, in which their controls are dashed; one has a colour for each
            control.
        title: a line above the panels.
        metrics: names in `METRICS`; all three by default.
        monitor_metric: as of `figure`.

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
    series = {name: list(rows) for name, rows in series.items()}
    shown = shown_metric.of_searches(series, monitor_metric)
    labels = shown_metric.labels(shown)
    found = lines(series, metric=shown)
    with drawing.style():
        across = drawing.across(2, len(metrics))
        corner = None
        if len(metrics) < 3 or across == 1:
            down = -(-len(metrics) // across)
            figure = drawing.new(4 * down, title)
            panels = list(figure.subplots(down, across, squeeze=False).flat)
        else:
            # Three panels side by side would be small; the legend fills the fourth.
            figure = drawing.new(6.6, title)
            *panels, corner = figure.subplots(2, 2).flat
        for axes, metric in zip(panels, metrics, strict=True):
            panel(axes, found, metric, labels[metric], drawing.panel_inches(across))
        share(panels, metrics)
        named = entries(panels)
        if corner is None:
            drawing.legend(figure, named, note(found, metrics))
        else:
            corner.set_axis_off()
            corner.legend(
                named.values(),
                [drawing.entry_text(n, drawing.panel_inches(2) + 0.7) for n in named],
                loc="center",
                title=note(found, metrics),
                frameon=False,
            )
    return figure
