"""From a plotting request to files: reads the searches, draws, writes, and says where.

What of a search cannot be drawn is named and left out, unless it was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.programs import (
    plot_analyses,
    plot_charts,
    plot_compared,
    plot_searches,
    stored_options,
)
from lth_keras.programs.plot_flags import ALWAYS, Request
from lth_keras.programs.plot_parts import Drawn, Runs
from lth_keras.reporting import drawing, markup, reproduction, styles
from lth_keras.reporting import page as html_report
from lth_keras.runs import display_names, finished
from lth_keras.runs.finished import RunFiles
from lth_keras.storage import files, paths

# Flags that say how much was done rather than what; they tell no searches apart
# where others do.
_BUDGET = {"levels", "seed", *html_report.FREE}


def run(request: Request) -> None:
    """Draws and writes everything, and prints each path.

    Raises:
        LotteryError: a directory is no search, or has no finished run; what was asked
            for cannot be drawn; or a file cannot be written.
    """
    runs = named(request)
    root = next(iter(runs.values())).root
    folder = request.output_dir or paths.join(root, "figures")
    title = title_of(runs)
    pictures = []
    for kind in request.kinds or ALWAYS:
        try:
            found = figures(kind, runs, request, title)
        except LotteryError as error:
            # Without matplotlib there is nothing to go on with.
            if request.kinds or isinstance(error.__cause__, ImportError):
                raise
            print(f"no {kind} figure: {error}")
            continue
        for name, picture, figure in found:
            _write(paths.join(folder, name), picture, figure, request)
            pictures.append(picture)
    told = None
    if request.compare:
        told, text = plot_compared.compared(runs, request.monitor_metric)
        print(text)
    page = paths.join(request.output_dir or root, "report.html")
    html_report.write(page, runs, pictures, title, request.monitor_metric, told)
    print(page)


def named(request: Request) -> Runs:
    """What is shown of each search, by its name.

    Raises:
        LotteryError: a directory is no search, or has no finished run.
    """
    found = [finished.read(path) for path in request.run_dirs]
    names = request.labels or labels(found)
    return dict(zip(names, selected(found, request), strict=True))


def figures(
    kind: str, runs: Runs, request: Request, title: str
) -> list[tuple[str, markup.Picture, Any]]:
    """The figures of a kind: name of the file, what the page shows, and the figure.

    Raises:
        LotteryError: it cannot be drawn.
    """
    is_written = "svg" in request.formats and not request.serve
    found = []
    with styles.chosen(request.style):
        for name, caption, figure in _DRAWN[kind](runs, request, title):
            chart = plot_charts.chart(kind, runs, request, name)
            # A page that draws a chart itself shows no picture of it.
            is_shown = is_written or chart is None
            svg = drawing.content(figure, "svg") if is_shown else b""
            found.append((name, markup.Picture(caption, svg, chart), figure))
    return found


def _write(place: str, picture: markup.Picture, figure: Any, request: Request) -> None:
    """Writes a figure in every format that is asked for, and prints the paths."""
    for form in request.formats:
        path = f"{place}.{form}"
        # Labels of ticks are made, in the letters of the style, as it is written.
        with styles.chosen(request.style):
            data = picture.svg if form == "svg" else drawing.content(figure, form)
        files.write_bytes(path, data)
        print(path)


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
        display_names.network(run.flags)
        for run in runs.values()
        if "model" in run.flags and "dataset" in run.flags
    }
    if len(texts) == 1 and all(run.flags for run in runs.values()):
        return texts.pop()
    return ", ".join(runs)


_DRAWN: dict[str, Callable[[Runs, Request, str], Drawn]] = {
    "bars": plot_searches.draw_bars,
    "density": plot_searches.draw_density,
    "curves": plot_searches.draw_curves,
    "iterations": plot_searches.draw_iterations,
    "weights": plot_searches.draw_weights,
    "settling": plot_analyses.draw_settling,
    "spent": plot_searches.draw_spent,
    "stability": plot_analyses.draw_stability,
    "overlap": plot_analyses.draw_overlap,
}
