"""One self-contained HTML page about one run directory, or about several.

Settings, results, figures and how to make them again; no scripts, no network. Figures
are SVG images inside the page, each apart from the others, whose ids could clash.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.reporting import tables
from lth_keras.runs import summaries
from lth_keras.runs.finished import RunFiles
from lth_keras.storage import files, paths

# What a metric of the table is called, with its unit.
_METRICS: Mapping[str, str] = {
    "early_stop_iteration": "Early-stopping iteration",
    "early_stop_test_accuracy": "Test accuracy at early stop (%)",
    "test_accuracy": "Test accuracy after training (%)",
}
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
)
_STYLE = """\
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { font-size: 1.25rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
.note, figcaption { color: #555; font-size: .9rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem;
  font-variant-numeric: tabular-nums }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
  vertical-align: top }
thead th { border-bottom: 2px solid #888 }
.names th, .names td { text-align: left }
td small { color: #555; white-space: nowrap; display: block }
figure { margin: 1.5rem 0 } figure img { width: 100%; height: auto }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; font-size: .85rem }
@media print {
  body { max-width: none; margin: 0; font-size: 11px }
  table { font-size: 8px } th, td { padding: .1rem .3rem }
  figure, tr, h2, h3 { break-inside: avoid } h2, h3 { break-after: avoid }
  .wide { overflow: visible } pre { white-space: pre-wrap }
}"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes:
        caption: what it shows.
        svg: the content of an SVG file.
    """

    caption: str
    svg: bytes


def write(
    path: paths.PathLike,
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
) -> None:
    """Writes the page atomically; see `page`.

    Raises:
        LotteryError: if it cannot be written.
    """
    files.write_bytes(path, page(runs, pictures, title).encode())


def page(
    runs: Mapping[str, RunFiles],
    pictures: Iterable[Picture] = (),
    title: str = "Lottery tickets",
) -> str:
    """The page as a text.

    Args:
        runs: what is reported, by a name that stands above its table.
        pictures: figures, in the order of the page.
        title: of the page, in plain text.

    Returns:
        HTML 5; everything that came from outside is escaped.
    """
    finished = sum(len(run.runs) for run in runs.values())
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>",
        f"<h1>{_text(title)}</h1>",
        f'<p class="note">{finished} finished training runs. P<sub>m</sub>: share of '
        "the prunable weights that are kept. Early stop: the iteration of minimum "
        "validation loss.</p>",
    ]
    shown = list(pictures)
    if shown:
        parts.append("<h2>Figures</h2>")
        parts += [_figure(picture) for picture in shown]
    parts.append("<h2>Results</h2>")
    for name, run in runs.items():
        if len(runs) > 1:
            parts.append(f"<h3>{_text(name)}</h3>")
        parts += _results(run.rows, "h4" if len(runs) > 1 else "h3")
    parts.append("<h2>Settings</h2>")
    parts.append(_settings(runs))
    parts.append("<h2>Made with</h2>")
    parts.append(_versions(runs))
    parts.append("<h2>How to make it again</h2>")
    for run in runs.values():
        if run.flags:
            parts.append(f"<pre>{_text(commands(run))}</pre>")
        else:
            parts.append(
                f"<p><code>{_text(_leaf(run))}</code> was made by "
                "<code>lth.LotterySearch</code> with the settings above.</p>"
            )
    parts.append("</body>\n</html>\n")
    return "\n".join(parts)


def commands(run: RunFiles) -> str:
    """The command lines that make all finished runs of a directory, whatever is shown.

    Trials, controls and replicates are those that were run. Controls that the search
    could not run with one --replicates at all its levels get a command of their own.

    Args:
        run: of a directory of the example program. A flag that is None was left at
            its default; the directory of the data is written as DIR.
    """
    root = f"runs/{_leaf(run)}"
    groups = _controls(run)
    every = tuple(
        sorted({each.row["level"] for each in run.made if each.key == summaries.TICKET})
    )
    pruned = tuple(level for level in every if level > 0)
    stored = run.flags.get("replicates")
    first = max(
        (key for key in groups if key[0] == pruned),
        key=lambda key: (key[1] == stored, len(groups[key])),
        default=(pruned, 1),
    )
    flags = {
        **run.flags,
        "trials": 1 + max(summaries.trial_of(each.row) for each in run.made),
        "controls": groups.pop(first, []),
        "replicates": first[1],
        "output_dir": root,
    }
    if flags.get("data_dir") is not None:
        flags["data_dir"] = "DIR"
    # How an earlier version stored a rate that was not given.
    if flags.get("rate") == "the paper's":
        del flags["rate"]
    lines = [_command("python examples/lottery_search.py", flags)]
    for (levels, replicates), names in groups.items():
        flags = {
            "controls": names,
            "levels": None if levels == pruned else list(levels),
            "replicates": None if replicates == 1 else replicates,
        }
        program = f"python examples/run_controls.py {shlex.quote(root)}"
        lines.append(_command(program, flags))
    return "\n".join(lines)


def _command(program: str, flags: Mapping[str, Any]) -> str:
    """A command line, with a flag in a line; those that are None are left out."""
    words = [
        shlex.quote(f"--{name}={plain(value)}")
        for name, value in flags.items()
        if value is not None
    ]
    return " \\\n    ".join([program, *words])


def _controls(run: RunFiles) -> dict[tuple[tuple[int, ...], int], list[str]]:
    """The controls as users write them, by the levels and replicates that were run.

    A control with more replicates at some levels than at others comes several times.
    """
    counts: dict[str, dict[int, int]] = {}
    for each in run.made:
        if each.key != summaries.TICKET:
            levels = counts.setdefault(each.key.replace(",", ":"), {})
            replicates = 1 + (each.row.get("replicate") or 0)
            level = each.row["level"]
            levels[level] = max(levels.get(level, 0), replicates)
    groups: dict[tuple[tuple[int, ...], int], list[str]] = {}
    for name, levels in counts.items():
        for number in sorted(set(levels.values()), reverse=True):
            alike = tuple(sorted(n for n in levels if levels[n] == number))
            groups.setdefault((alike, number), []).append(name)
    return groups


def _leaf(run: RunFiles) -> str:
    """The directory's own name; where it is, is the user's own affair."""
    root = run.root if paths.is_remote(run.root) else os.path.abspath(run.root)
    return root.rstrip("/").rpartition("/")[2]


def _results(rows: Sequence[Mapping[str, Any]], heading: str) -> list[str]:
    """A table for each metric: a line per level, a column for the ticket and controls.

    One table of all would be wider than a page.
    """
    columns = summaries.columns_of(summaries.summarise(rows))
    levels = summaries.densities(columns)
    parts = []
    for metric, name in _METRICS.items():
        head = ["level", "P<sub>m</sub> (%)"]
        head += [_text(tables.title(column, [metric])) for column in columns]
        lines = []
        for level, density in levels.items():
            cells = [tables.cell(metric, column.get(level)) for column in columns]
            lines.append(
                [str(level), summaries.percent_kept(density)]
                + [f"{mean}{_small(span)}" for mean, span in cells]
            )
        parts.append(f"<{heading}>{name}</{heading}>")
        parts.append(_table(head, lines))
    if about := summaries.meaning(columns, "(minimum-maximum)"):
        parts.append(f'<p class="note">{about}</p>')
    return parts


def _settings(runs: Mapping[str, RunFiles]) -> str:
    """A line per flag, or per setting of a search of the library; and what was run."""
    found = [_described(run) for run in runs.values()]
    names = dict.fromkeys(name for settings in found for name in settings)
    lines = [
        [_text(name), *(_text(plain(s[name]) if name in s else "") for s in found)]
        for name in names
    ]
    head = ["setting", *(map(_text, runs) if len(runs) > 1 else ["value"])]
    return _table(head, lines, "names")


def _described(run: RunFiles) -> dict[str, Any]:
    settings = run.flags or run.search.get("settings")
    found = dict(settings) if isinstance(settings, dict) else {}
    if run.flags:
        found = {name: value for name, value in found.items() if name not in FREE}
    found["trials run"] = len({summaries.trial_of(each.row) for each in run.made})
    parts = [
        f"{', '.join(names)}: levels {summaries.ranges(levels)}, {replicates} "
        + ("replicate" if replicates == 1 else "replicates")
        for (levels, replicates), names in _controls(run).items()
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
    lines = [
        [_text(name), *(_text(plain(v.get(name, ""))) for v in found)] for name in names
    ]
    if not lines:
        return '<p class="note">No versions are stored.</p>'
    head = ["package", *(map(_text, runs) if len(runs) > 1 else ["version"])]
    return _table(head, lines, "names")


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.svg).decode("ascii")
    caption = _text(picture.caption)
    return (
        f'<figure>\n<img alt="{caption}" src="data:image/svg+xml;base64,{data}">\n'
        f"<figcaption>{caption}</figcaption>\n</figure>"
    )


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table of texts that are HTML already."""
    marked = f' class="{kind}"' if kind else ""
    parts = [f'<div class="wide"><table{marked}>', "<thead><tr>"]
    parts += [f'<th scope="col">{cell}</th>' for cell in head]
    parts.append("</tr></thead>\n<tbody>")
    for first, *others in lines:
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        parts.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    parts.append("</tbody></table></div>")
    return "\n".join(parts)


def _small(span: str) -> str:
    return f" <small>{span}</small>" if span else ""


def plain(value: Any) -> str:
    """A setting as the command line has it."""
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, (dict, list)) for item in value):
            return json.dumps(value)
        return ",".join(map(plain, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value)
    return "default" if value is None else str(value)


def _text(value: str) -> str:
    return html.escape(value)
