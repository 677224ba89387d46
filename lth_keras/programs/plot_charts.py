"""Which figures of a request are charts on the page, that can be zoomed?"""

from __future__ import annotations

from typing import Any

from lth_keras.programs.plot_flags import Request
from lth_keras.programs.plot_parts import Runs, file_of
from lth_keras.programs.plot_searches import compared
from lth_keras.reporting import vega
from lth_keras.runs import shown_metric


def chart(kind: str, runs: Runs, request: Request, name: str) -> dict[str, Any] | None:
    """The figure in Vega-Lite; None where it is a picture alone.

    Args:
        kind: of the figure.
        runs: the searches.
        request: what was asked for.
        name: of the figure's file, which tells the searches apart.
    """
    if vega.bundle() is None:
        return None
    if kind == "density":
        rows = {each: run.rows for each, run in compared(runs, request).items()}
        metric = shown_metric.of_searches(rows, request.monitor_metric)
        return vega.density(rows if len(rows) > 1 else {"": rows.popitem()[1]}, metric)
    # What was asked for by density or control is drawn as it was asked for.
    if kind == "curves" and not (request.densities or request.controls):
        for each, run in runs.items():
            if file_of(kind, runs, each) == name:
                metric = shown_metric.of_rows(run.rows, request.monitor_metric)
                return vega.metric_curves(run.curves, metric)
    return None
