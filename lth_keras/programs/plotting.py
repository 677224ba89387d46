"""From a plotting request to files: reads the searches, draws, writes, and says where.

What of a search cannot be drawn is named and left out, unless it was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.programs import plot_analyses, stored_options
from lth_keras.programs.plot_flags import ALWAYS, Request
from lth_keras.programs.plot_parts import Drawn, Runs, file_of, titled
from lth_keras.reporting import bars as figure_bars
from lth_keras.reporting import captions, drawing, markup, reproduction
from lth_keras.reporting import curves as figure_curves
from lth_keras.reporting import density as figure_density
from lth_keras.reporting import iterations as figure_iterations
from lth_keras.reporting import page as html_report
from lth_keras.reporting import spent as figure_spent
from lth_keras.reporting import weights as figure_weights
from lth_keras.runs import finished, paired_trials, shown_metric, summaries
from lth_keras.runs.finished import RunFiles
from lth_keras.storage import paths

# The control that stands for all where several searches are drawn together.
_PREFERRED = "random_reinit"

# Flags that say how much was done rather than what; they tell no searches apart
# where others do.
_BUDGET = {"levels", "seed", *html_report.FREE}


def run(request: Request) -> None:
    """Draws and writes everything, and prints each path.

    Raises:
        LotteryError: a directory is no search, or has no finished run; what was asked
            for cannot be drawn; or a file cannot be written.
    """
    found = [finished.read(path) for path in request.run_dirs]
    names = request.labels or labels(found)
    runs = dict(zip(names, selected(found, request), strict=True))
    folder = request.output_dir or paths.join(found[0].root, "figures")
    title = title_of(runs)
    pictures = []
    for kind in request.kinds or ALWAYS:
        try:
            drawn = _DRAWN[kind](runs, request, title)
        except LotteryError as error:
            # Without matplotlib there is nothing to go on with.
            if request.kinds or isinstance(error.__cause__, ImportError):
                raise
            print(f"no {kind} figure: {error}")
            continue
        for name, caption, figure in drawn:
            for form in request.formats:
                path = paths.join(folder, f"{name}.{form}")
                drawing.save(figure, path)
                print(path)
            pictures.append(markup.Picture(caption, drawing.content(figure, "svg")))
    page = paths.join(request.output_dir or found[0].root, "report.html")
    html_report.write(page, runs, pictures, title, request.monitor_metric)
    print(page)


def selected(found: list[RunFiles], request: Request) -> list[RunFiles]:
    """What of the searches is shown; each has some of the controls, or none."""
    if request.controls is None:
        return [run.select(levels=request.levels) for run in found]
    chosen = [_key(control, found) for control in request.controls]
    for control in chosen:
        if not any(run.keys(control) for run in found):
            found[0].select([control])
    return [
        run.select([c for c in chosen if run.keys(c)], request.levels) for run in found
    ]


def _key(text: str, found: list[RunFiles]) -> str:
    """A control as the directories call it: sigma=1 is stored as sigma=1.0."""
    # A name alone stands for any parameters, and would get its default ones.
    if any(run.keys(text) for run in found):
        return text
    try:
        key = syntax.parse(text.replace(",", ":")).key
    except LotteryError:
        return text
    return key if any(run.keys(key) for run in found) else text


def labels(found: list[RunFiles]) -> list[str]:
    """What tells the searches apart: flags that differ, or else directory names."""
    places = [os.path.basename(run.root.rstrip("/")) or run.root for run in found]
    if len(set(places)) < len(places):
        places = [run.root for run in found]
    flags = [stored_options.completed(run.flags) for run in found]
    names = dict.fromkeys(name for each in flags for name in each)
    differing = [
        name
        for name in names
        if name not in _BUDGET
        and len({reproduction.plain(each.get(name)) for each in flags}) > 1
    ]
    # More would be no label.
    if not 0 < len(differing) <= 2:
        return places
    texts = [
        ", ".join(f"{name}={reproduction.plain(each.get(name))}" for name in differing)
        for each in flags
    ]
    return texts if len(set(texts)) == len(texts) else places


def title_of(runs: Runs) -> str:
    """The network and data that all searches share, or their names."""
    texts = {
        f"{run.flags['model']} on {run.flags['dataset']}"
        for run in runs.values()
        if "model" in run.flags and "dataset" in run.flags
    }
    if len(texts) == 1 and all(run.flags for run in runs.values()):
        return texts.pop()
    return ", ".join(runs)


def _density(runs: Runs, request: Request, title: str) -> Drawn:
    rows = {name: run.rows for name, run in _compared(runs, request).items()}
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


def _curves(runs: Runs, request: Request, title: str) -> Drawn:
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


def _iterations(runs: Runs, request: Request, title: str) -> Drawn:
    compared = _compared(runs, request)
    rows = {name: run.rows for name, run in compared.items()}
    metric = shown_metric.of_searches(rows, request.monitor_metric)
    caption = (
        f"{metric.title} at fixed iterations of the training, against the "
        "share of weights that are kept. "
        + captions.about(rows.values(), "Points", "bars", metric)
    )
    series = {name: run.curves for name, run in compared.items()}
    at = figure_iterations.SHARES if request.at is None else request.at
    figure = figure_iterations.draw(series, title, at, request.monitor_metric)
    return [("iterations", caption, figure)]


def _weights(runs: Runs, request: Request, title: str) -> Drawn:
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


def _bars(runs: Runs, request: Request, title: str) -> Drawn:
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


def _spent(runs: Runs, request: Request, title: str) -> Drawn:
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


_DRAWN: dict[str, Callable[[Runs, Request, str], Drawn]] = {
    "bars": _bars,
    "density": _density,
    "curves": _curves,
    "iterations": _iterations,
    "weights": _weights,
    "settling": plot_analyses.draw_settling,
    "spent": _spent,
    "stability": plot_analyses.draw_stability,
    "overlap": plot_analyses.draw_overlap,
}


def _compared(runs: Runs, request: Request) -> Runs:
    """What stands in one panel: of several searches, unless asked, one control."""
    if len(runs) == 1 or request.controls is not None:
        return runs
    return {
        name: run.select([_PREFERRED] if run.keys(_PREFERRED) else [])
        for name, run in runs.items()
    }
