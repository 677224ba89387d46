"""The figures of searches, in the words of a request, each with its caption."""

from __future__ import annotations

from lth_keras.programs.plot_flags import Request
from lth_keras.programs.plot_parts import Drawn, Runs, file_of, titled
from lth_keras.reporting import bars as figure_bars
from lth_keras.reporting import captions
from lth_keras.reporting import curves as figure_curves
from lth_keras.reporting import density as figure_density
from lth_keras.reporting import iterations as figure_iterations
from lth_keras.reporting import spent as figure_spent
from lth_keras.reporting import weights as figure_weights
from lth_keras.runs import paired_trials, shown_metric, summaries

# The control that stands for all where several searches are drawn together.
_PREFERRED = "random_reinit"


def draw_density(runs: Runs, request: Request, title: str) -> Drawn:
    """Iterations and accuracies against P_m, all searches in one figure."""
    rows = {name: run.rows for name, run in compared(runs, request).items()}
    metric = shown_metric.of_searches(rows, request.monitor_metric)
    caption = (
        f"Early-stopping iteration, {metric.said} at that iteration and at the end of "
        "training, against the share of weights that are kept. "
        + captions.about(rows.values(), "Points", "bars", metric)
    )
    if captions.any_hollow(rows.values()):
        caption += f" {captions.HOLLOW}"
    figure = figure_density.draw(rows, title, monitor_metric=request.monitor_metric)
    return [("density", caption, figure)]


def draw_curves(runs: Runs, request: Request, title: str) -> Drawn:
    """Metrics while networks train, a figure for each search."""
    drawn = []
    for name, run in runs.items():
        metric = shown_metric.of_rows(run.rows, request.monitor_metric)
        caption = (
            f"{metric.title} while networks of some densities train; "
            "controls are dashed. "
            + captions.about([run.rows], "Lines", "bands", metric)
        )
        chosen = None
        if request.controls is not None:
            found = dict.fromkeys(summaries.label(row) for row in run.rows)
            chosen = [label for label in found if label != summaries.TICKET]
        figure = figure_curves.draw(
            run.curves,
            titled(runs, name, title),
            request.densities,
            chosen,
            request.monitor_metric,
        )
        drawn.append(
            (file_of("curves", runs, name), titled(runs, name, caption), figure)
        )
    return drawn


def draw_iterations(runs: Runs, request: Request, title: str) -> Drawn:
    """Metrics at fixed iterations, all searches in one figure."""
    shown = compared(runs, request)
    rows = {name: run.rows for name, run in shown.items()}
    metric = shown_metric.of_searches(rows, request.monitor_metric)
    caption = (
        f"{metric.title} at fixed iterations of the training, against the "
        "share of weights that are kept. "
        + captions.about(rows.values(), "Points", "bars", metric)
    )
    series = {name: run.curves for name, run in shown.items()}
    at = figure_iterations.SHARES if request.at is None else request.at
    figure = figure_iterations.draw(series, title, at, request.monitor_metric)
    return [("iterations", caption, figure)]


def draw_weights(runs: Runs, request: Request, title: str) -> Drawn:
    """Distributions of kept weights, a figure for each search."""
    caption = (
        "Distributions of the weights that tickets of some densities keep, before "
        "and after training; pruned weights are left out. One trial."
    )
    return [
        (
            file_of("weights", runs, name),
            titled(runs, name, caption),
            figure_weights.draw(
                run.weights(request.densities), titled(runs, name, title)
            ),
        )
        for name, run in runs.items()
    ]


def draw_bars(runs: Runs, request: Request, title: str) -> Drawn:
    """Controls of one level side by side, a figure for each search."""
    drawn = []
    for name, run in runs.items():
        metric = shown_metric.of_rows(run.rows, request.monitor_metric)
        caption = (
            f"{metric.title} of controls that have one density, after training and, "
            "where it was measured, before the first step. "
            + captions.about([run.rows], "Bars", "lines", metric)
        )
        figure = figure_bars.draw(
            run.rows, titled(runs, name, title), monitor_metric=request.monitor_metric
        )
        drawn.append((file_of("bars", runs, name), titled(runs, name, caption), figure))
    return drawn


def draw_spent(runs: Runs, request: Request, title: str) -> Drawn:
    """What tickets cost, all searches in one figure."""
    rows = {name: run.select([]).rows for name, run in runs.items()}
    metric = shown_metric.of_searches(rows, request.monitor_metric)
    caption = (
        f"{metric.title} of tickets at early stop, against the iterations of all "
        "levels before their own, which found them. Means of the trials, with bars "
        "from the lowest to the highest; labels are the weights kept, in percent."
    )
    first, *others = rows
    for name in others:
        found = paired_trials.compare(rows[first], rows[name], request.monitor_metric)
        if found.differences:
            caption += f" {first} against {name}: {found}."
            print(f"{first} against {name}: {found}")
    figure = figure_spent.draw(rows, title, request.monitor_metric)
    return [("spent", caption, figure)]


def compared(runs: Runs, request: Request) -> Runs:
    """What stands in one panel: of several searches, unless asked, one control."""
    if len(runs) == 1 or request.controls is not None:
        return runs
    return {
        name: run.select([_PREFERRED] if run.keys(_PREFERRED) else [])
        for name, run in runs.items()
    }
