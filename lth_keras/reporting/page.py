"""One self-contained HTML page about one run directory, or about several.

Settings, results, figures and how to make them again; no scripts, no network. Figures
are SVG images inside the page, each apart from the others, whose ids could clash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.reporting.markup import (
    STYLE,
    Html,
    Picture,
    escaped,
    image,
    table,
    with_small,
)
from lth_keras.reporting.reproduction import commands, controls_of, leaf, plain
from lth_keras.runs import shown_metric, summaries, tables, wording
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
    "monitor_metric",
)


def write(
    path: paths.PathLike,
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
    monitor_metric: str | None = None,
) -> None:
    """Writes the page atomically; see `page`.

    Raises:
        LotteryError: if it cannot be written.
    """
    files.write_bytes(path, page(runs, pictures, title, monitor_metric).encode())


def page(
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
    monitor_metric: str | None = None,
) -> str:
    """The page as a text.

    Args:
        runs: what is reported, by a name that stands above its table.
        pictures: figures, in the order of the page.
        title: of the page, in plain text.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Returns:
        HTML 5; every text is escaped.
    """
    finished = sum(len(run.runs) for run in runs.values())
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escaped(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>",
        f"<h1>{escaped(title)}</h1>",
        f'<p class="note">{finished} finished training runs. P<sub>m</sub>: share of '
        "the prunable weights that are kept. Early stop: the iteration of minimum "
        "validation loss.</p>",
    ]
    shown = list(pictures)
    if shown:
        parts.append("<h2>Figures</h2>")
        parts += [image(picture) for picture in shown]
    parts.append("<h2>Results</h2>")
    for name, run in runs.items():
        if len(runs) > 1:
            parts.append(f"<h3>{escaped(name)}</h3>")
        metric = shown_metric.of_rows(run.rows, monitor_metric)
        parts += _results(run.rows, metric, "h4" if len(runs) > 1 else "h3")
    parts.append("<h2>Settings</h2>")
    parts.append(_settings(runs))
    parts.append("<h2>Made with</h2>")
    parts.append(_versions(runs))
    parts.append("<h2>How to make it again</h2>")
    for run in runs.values():
        if run.flags:
            parts.append(f"<pre>{escaped(commands(run))}</pre>")
        else:
            parts.append(
                f"<p><code>{escaped(leaf(run))}</code> was made by "
                "<code>lth.LotterySearch</code> with the settings above.</p>"
            )
    parts.append("</body>\n</html>\n")
    return "\n".join(parts)


def _results(
    rows: Sequence[Mapping[str, Any]], shown: shown_metric.Metric, heading: str
) -> list[str]:
    """A table for each metric: a line per level, a column for the ticket and controls.

    One table of all would be wider than a page.
    """
    columns = summaries.columns_of(summaries.summarise(rows, shown))
    levels, on_paths = summaries.densities(columns), summaries.effective(columns)
    parts = []
    for metric, label in shown_metric.labels(shown).items():
        name = label[0].upper() + label[1:]
        head = ["level", Html("P<sub>m</sub> (%)"), *(["path (%)"] if on_paths else [])]
        head += [tables.title(column, [metric]) for column in columns]
        lines = []
        for level, density in levels.items():
            cells = [tables.cell(metric, column.get(level)) for column in columns]
            lines.append(
                tables.starts(level, density, on_paths)
                + [with_small(mean, span) for mean, span in cells]
            )
        parts.append(f"<{heading}>{escaped(name)}</{heading}>")
        parts.append(table(head, lines))
    if summaries.any_censored(columns):
        parts.append(f'<p class="note">{escaped(tables.CENSORED)}</p>')
    if on_paths:
        parts.append(
            '<p class="note">path: weights on a path from input to output.</p>'
        )
    if about := summaries.meaning(columns, "(minimum-maximum)"):
        parts.append(f'<p class="note">{escaped(about)}</p>')
    return parts


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
        return '<p class="note">No versions are stored.</p>'
    head = ["package", *(runs if len(runs) > 1 else ["version"])]
    return table(head, lines, "names")
