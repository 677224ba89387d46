"""One self-contained HTML page about one run directory, or about several.

A headline, results, figures, settings and how to make them again. It asks for no other
file: figures are SVG images inside the page, or charts that are drawn by a script
inside it, and a policy in its head holds the browser to that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import page_parts, vega
from lth_keras.reporting.markup import STYLE, Html, Picture, image, table
from lth_keras.reporting.page_template import PAGE, WAITING, WATCH
from lth_keras.reporting.reproduction import commands, controls_of, leaf, plain
from lth_keras.runs import shown_metric, summaries, wording
from lth_keras.runs.finished import RunFiles
from lth_keras.storage import files, paths

# Flags that may differ whenever a job goes on: where things are, how many runs are made
# and at a time, which controls, and what is done at the end. What is stored stays, and
# the stored flags say nothing about what was run since.
FREE = (
    "data_dir",
    "output_dir",
    "workers",
    "trials",
    "controls",
    "replicates",
    "export",
    "keep_trained",
    "monitor_metric",
)

# What a browser may load: nothing but what is in the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write(
    path: paths.PathLike,
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
    monitor_metric: str | None = None,
    compared: page_parts.Compared | None = None,
) -> None:
    """Writes the page atomically; see `page`.

    Raises:
        LotteryError: if it cannot be written.
    """
    text = page(runs, pictures, title, monitor_metric, compared=compared)
    files.write_bytes(path, text.encode())


def page(
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
    monitor_metric: str | None = None,
    live: str | None = None,
    compared: page_parts.Compared | None = None,
) -> str:
    """The page as a text.

    Args:
        runs: what is reported, by a name that stands above its table.
        pictures: figures, in the order of the page; those with a chart are drawn by
            the page itself where Vega is installed.
        title: of the page, in plain text.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.
        live: what the page's address with "state" behind it answers while nothing is
            new; the page is asked for again when that is something else.
        compared: how two searches compare.

    Returns:
        HTML 5; every text is escaped.

    Raises:
        LotteryError: jinja2 is missing.
    """
    shown = list(pictures)
    script = vega.bundle() if any(picture.chart for picture in shown) else None
    if script is None:
        shown = [dataclasses.replace(picture, chart=None) for picture in shown]
    several = len(runs) > 1
    metrics = {
        name: shown_metric.of_rows(run.rows, monitor_metric)
        for name, run in runs.items()
    }
    values = {
        "policy": _policy(script is not None, live is not None),
        "live": live,
        "watch": Html(WATCH),
        "compared": compared,
        "title": title,
        "style": Html(STYLE),
        "headlines": [
            {**found, "text": f"{name}: {found['text']}" if several else found["text"]}
            for name, run in runs.items()
            if (found := page_parts.headline(run, metrics[name]))
        ],
        "finished": sum(len(run.runs) for run in runs.values()),
        "seconds": _clock(
            sum(row.get("seconds") or 0 for run in runs.values() for row in run.rows)
        ),
        "csv": [
            {
                "name": f"results{number if several else ''}.csv",
                "address": page_parts.as_csv(run.rows),
            }
            for number, run in enumerate(runs.values(), start=1)
        ],
        "pictures": shown,
        "image": image,
        "results": [
            _results(name if several else "", run, metrics[name])
            for name, run in runs.items()
        ],
        "settings": _settings(runs),
        "versions": _versions(runs),
        "commands": [commands(run) for run in runs.values() if run.flags],
        "by_library": [leaf(run) for run in runs.values() if not run.flags],
        "script": None if script is None else Html(script),
    }
    return _filled(PAGE, values)


def waiting(reason: str, live: str) -> str:
    """The page of a search of which nothing can be shown yet.

    Args:
        reason: why not.
        live: as of `page`.
    """
    values = {"policy": _policy(False, True), "reason": reason, "live": live}
    return _filled(WAITING, {**values, "style": Html(STYLE), "watch": Html(WATCH)})


def _filled(template: str, values: Mapping[str, Any]) -> str:
    try:
        import jinja2
    except ImportError as error:
        raise LotteryError(
            "a report needs jinja2: pip install jinja2, or this package with its "
            "'examples' extra"
        ) from error
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.from_string(template).render(values)


def _results(name: str, run: RunFiles, metric: shown_metric.Metric) -> dict[str, Any]:
    measures = page_parts.measures(run.rows, metric)
    return {
        "name": name,
        "measures": [{"name": said, "table": found} for said, found in measures],
        # What the headline speaks of.
        "first": len(measures) - 1,
        "notes": page_parts.notes(run.rows, metric),
        "layers": page_parts.layers(run),
        "exports": page_parts.exports(run),
    }


def _policy(charts: bool, live: bool) -> str:
    scripts = ["'unsafe-inline'"] if charts or live else ["'none'"]
    if charts:  # Vega makes functions of its expressions.
        scripts.append("'unsafe-eval'")
    policy = f"{_POLICY}; script-src {' '.join(scripts)}"
    return f"{policy}; connect-src 'self'" if live else policy


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} hours" if hours else f"{seconds:.0f} s"


def _settings(runs: Mapping[str, RunFiles]) -> str:
    """A line per flag, or per setting of a search of the library; and what was run."""
    found = [_described(run) for run in runs.values()]
    names = dict.fromkeys(name for settings in found for name in settings)
    lines = [
        [name, *(plain(s[name]) if name in s else "" for s in found)] for name in names
    ]
    head = ["setting", *(runs if len(runs) > 1 else ["value"])]
    return table(head, lines, "names")


def _described(run: RunFiles) -> dict[str, Any]:
    settings = run.flags or run.search.get("settings")
    found = dict(settings) if isinstance(settings, dict) else {}
    if run.flags:
        found = {name: value for name, value in found.items() if name not in FREE}
    found["trials run"] = len({summaries.trial_of(each.row) for each in run.made})
    parts = [
        f"{', '.join(names)}: levels {wording.ranges(levels)}, {replicates} "
        + ("replicate" if replicates == 1 else "replicates")
        for (levels, replicates), names in controls_of(run).items()
    ]
    found["controls run"] = "; ".join(parts) or "none"
    return found


def _versions(runs: Mapping[str, RunFiles]) -> str:
    found = []
    for run in runs.values():
        parts = [run.search.get(key) for key in ("versions", "machine")]
        found.append(
            {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}
        )
    names = dict.fromkeys(name for versions in found for name in versions)
    lines = [[name, *(plain(v.get(name, "")) for v in found)] for name in names]
    if not lines:
        return Html('<p class="note">No versions are stored.</p>')
    head = ["package", *(runs if len(runs) > 1 else ["version"])]
    return table(head, lines, "names")
