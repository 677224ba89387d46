"""Charts of a page that can be zoomed and pointed at, in Vega-Lite, without a network.

    spec = vega.density({"mnist": rows}, metric)
    script = vega.bundle()      # None where vl-convert-python is not installed

A chart is plain data; the one script that draws all of them is written into the page.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.reporting import curves, density_lines, density_panels, drawing
from lth_keras.reporting.density_lines import Line, Rows
from lth_keras.runs import display_names, shown_levels, shown_metric, summaries, wording
from lth_keras.runs.finished import RowAndCurve
from lth_keras.runs.shown_metric import Metric

Spec = dict[str, Any]
_HEIGHT = 340  # pixels
_MOST_POINTS = 150  # of a curve: more are no pixels
_LEGEND = {"orient": "bottom", "columns": 3, "labelLimit": 320}
_DASHES = {"-": [1, 0], "--": [6, 3], "-.": [8, 3, 2, 3], ":": [2, 3]}


@functools.cache
def bundle() -> str | None:
    """Vega, Vega-Lite and vega-embed as one script; None where they are not there.

    It asks for no other file.
    """
    try:
        import vl_convert
    except ImportError:
        return None
    found: str = vl_convert.javascript_bundle()
    # In a text of the script it means the same, and does not end its element.
    return found.replace("</script", "<\\/script")


def density(series: Mapping[str, Rows], metric: Metric) -> Spec:
    """The figure of `reporting.density`, with a switch between its measures.

    Args:
        series: result rows by the name of their search.
        metric: what is shown of the test data.
    """
    lines = density_lines.lines({n: list(r) for n, r in series.items()}, metric=metric)
    labels = shown_metric.labels(metric)
    values = [
        {
            "line": display_names.line(line.label),
            "measure": label,
            "level": level,
            "percent": _short(point.percent),
            "mean": _short(point.mean),
            "low": _short(point.low),
            "high": _short(point.high),
            "runs": line.column[level].samples,
            "hollow": point.censored,
        }
        for line in lines
        for measure, label in labels.items()
        for level, point in density_panels.points_of(line, measure).items()
    ]
    known = {value["measure"] for value in values}
    options = [label for label in reversed(labels.values()) if label in known]
    tooltip = [
        {"field": "line", "title": "what"},
        {"field": "level"},
        {"field": "percent", "title": "weights (%)"},
        {"field": "mean"},
        {"field": "low", "title": "minimum"},
        {"field": "high", "title": "maximum"},
        {"field": "runs"},
    ]
    x = {
        "field": "percent",
        "type": "quantitative",
        "title": "weights remaining (%)",
        "scale": {"type": "log", "reverse": True, "nice": False, "padding": 12},
        "axis": {"format": "~g"},
    }
    hollow = {"condition": {"test": "datum.hollow", "value": "white"}}
    looks = _looks(lines)
    return {
        **_chart(values),
        "params": [
            {
                "name": "measure",
                "value": options[0] if options else "",
                "bind": {"input": "select", "options": options, "name": "shows: "},
            }
        ],
        "transform": [{"filter": "datum.measure == measure"}],
        "encoding": {"x": x, **looks},
        "layer": [
            {"params": _zoom(), "mark": "line", "encoding": {"y": _y("mean")}},
            {"mark": "rule", "encoding": {"y": _y("low"), "y2": {"field": "high"}}},
            {
                "mark": {"type": "point", "size": 55, "opacity": 1},
                "encoding": {
                    "y": _y("mean"),
                    "fill": {**hollow, **looks["color"]},
                    "tooltip": tooltip,
                    "strokeDash": {"value": [1, 0]},
                },
            },
        ],
    }


def metric_curves(runs: Sequence[RowAndCurve], metric: Metric) -> Spec | None:
    """The figure of `reporting.curves` as it is drawn unless more is asked for.

    Args:
        runs: result rows with their curves.
        metric: what is shown.

    Returns:
        The ticket's curves of five levels, dashed those of one control, with bands;
        None where none of them has that metric.
    """
    groups = curves.grouped(runs)
    tickets = groups.get(summaries.TICKET, {})
    known = {level: found[0][0]["density"] for level, found in tickets.items()}
    chosen = shown_levels.choose_levels(known) if known else []
    labels = [summaries.TICKET, *curves.controls_of(groups)]
    values = []
    for label, level in itertools.product(labels, chosen):
        found = curves.mean_curve(groups.get(label, {}).get(level, []), metric)
        if found is None:
            continue
        steps, mean, every = found
        stride = max(1, math.ceil(len(steps) / _MOST_POINTS))
        columns = (steps, mean, every.min(0), every.max(0))
        values += [
            {
                "line": f"{wording.percent_kept(known[level])} %",
                "what": display_names.control(label),
                "iteration": int(step),
                "value": _short(value),
                "low": _short(low),
                "high": _short(high),
            }
            for step, value, low, high in zip(
                *(column[::stride] for column in columns), strict=True
            )
            if math.isfinite(value)
        ]
    if not values:
        return None
    names = list(dict.fromkeys(value["line"] for value in values))
    whats = [display_names.control(label) for label in labels]
    colour = {"domain": names, "range": list(drawing.COLOURS[: len(names)])}
    dashes = {"domain": whats, "range": [_DASHES["-"], _DASHES["--"]][: len(whats)]}
    tooltip = [
        {"field": "what"},
        {"field": "line", "title": "weights"},
        {"field": "iteration"},
        {"field": "value", "title": metric.said},
        {"field": "low", "title": "minimum"},
        {"field": "high", "title": "maximum"},
    ]
    title = {"title": metric.said + metric.unit}
    y, low = {**_y("value"), **title}, {**_y("low"), **title}
    # The colours of the legend are those of the lines, not of the faint bands.
    legend = {"symbolType": "stroke", "symbolOpacity": 1, "symbolStrokeWidth": 2}
    dashed = {"symbolType": "stroke", "symbolSize": 400} if len(whats) > 1 else None
    strokes = {"field": "what", "scale": dashes, "title": None, "legend": dashed}
    return {
        **_chart(values),
        "encoding": {
            "x": {"field": "iteration", "type": "quantitative"},
            "color": {
                "field": "line",
                "scale": colour,
                "title": "weights remaining",
                "legend": legend,
            },
        },
        "layer": [
            {
                "params": _zoom(),
                "mark": "line",
                "encoding": {"y": y, "strokeDash": strokes},
            },
            {
                "mark": {"type": "area", "opacity": 0.15},
                "encoding": {
                    "y": low,
                    "y2": {"field": "high"},
                    "detail": {"field": "what"},
                },
            },
            {
                "mark": {"type": "point", "size": 60, "opacity": 0},
                "encoding": {"y": y, "tooltip": tooltip},
            },
        ],
    }


def _chart(values: list[dict[str, Any]]) -> Spec:
    return {
        "width": "container",
        "height": _HEIGHT,
        "data": {"values": values},
        "config": {"font": "system-ui, sans-serif", "legend": _LEGEND},
    }


def _zoom() -> list[Spec]:
    # Scrolling alone is the page's.
    select = {"type": "interval", "zoom": "wheel![event.ctrlKey]"}
    return [{"name": "zoom", "select": select, "bind": "scales"}]


def _y(field: str) -> Spec:
    scale = {"zero": False, "nice": True}
    return {"field": field, "type": "quantitative", "scale": scale, "title": None}


def _looks(lines: Sequence[Line]) -> Spec:
    names = [display_names.line(line.label) for line in lines]
    colours = {"domain": names, "range": [line.colour for line in lines]}
    dashes = {"domain": names, "range": [_DASHES[line.dashes] for line in lines]}
    return {
        "color": {"field": "line", "scale": colours, "title": None},
        "strokeDash": {"field": "line", "scale": dashes, "title": None},
    }


def _short(value: float) -> float:
    """As many digits as are seen."""
    return float(f"{value:.6g}")
