"""What a page says of one run: headline, tables, layers, exports, lines as CSV."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lth_keras.errors import LotteryError
from lth_keras.reporting.markup import Html, table, with_small
from lth_keras.runs import (
    best,
    display_names,
    shown_levels,
    shown_metric,
    summaries,
    tables,
    wording,
)
from lth_keras.runs.finished import RunFiles
from lth_keras.runs.results import flattened
from lth_keras.runs.shown_metric import Metric
from lth_keras.storage import files, paths
from lth_keras.tickets import content
from lth_keras.tickets import files as ticket_files

_TOLERANCE = 0.1  # points below dense that are as good
_LAYERS = 5  # levels whose layers are shown
_SECONDS = "seconds"


class Compared(NamedTuple):
    """How two searches compare, for a page.

    Attributes:
        table: a line for each share of weights that both have.
        note: what its numbers are.
    """

    table: Html
    note: str


def headline(run: RunFiles, metric: Metric) -> dict[str, str] | None:
    """What the search found, in one line; None where there is nothing to compare with.

    Args:
        run: the finished runs of a directory.
        metric: what is compared.
    """
    trials: dict[int, dict[int, Mapping[str, Any]]] = {}
    for row in run.rows:
        if row["control"] == summaries.TICKET:
            trials.setdefault(summaries.trial_of(row), {})[row["level"]] = row
    if not trials:
        return None
    try:
        found = best.choose(trials, min(trials), metric, _TOLERANCE)
    except LotteryError:
        return None
    if found == 0:
        text = "No pruned network here is as good as the dense one"
    else:
        kept = wording.percent_kept(found.density)
        text = f"{kept} % of the weights, as good as dense"
    unit = " points" if metric.is_accuracy else ""
    return {
        "text": text,
        "about": f"The sparsest network within {_TOLERANCE:g}{unit} of dense: {found}.",
    }


def measures(
    rows: Sequence[Mapping[str, Any]], shown: Metric
) -> list[tuple[str, Html]]:
    """A table for each measure: a line per level, a column for ticket and controls.

    Returns:
        [(name of the measure, its table)], the last of the seconds of training.
    """
    columns = summaries.columns_of(summaries.summarise(rows, shown))
    levels, on_paths = summaries.densities(columns), summaries.effective(columns)
    start = ["level", Html("P<sub>m</sub> (%)"), *(["path (%)"] if on_paths else [])]
    found = []
    for metric, label in shown_metric.labels(shown).items():
        head = start + [_titled(column, metric) for column in columns]
        lines = []
        for level, density in levels.items():
            cells = [tables.cell(metric, column.get(level)) for column in columns]
            lines.append(
                tables.starts(level, density, on_paths)
                + [with_small(mean, span) for mean, span in cells]
            )
        found.append((label[0].upper() + label[1:], table(head, lines)))
    spent = _seconds(rows)
    head = start + [display_names.control(_label(column)) for column in columns]
    lines = [
        tables.starts(level, density, on_paths)
        + [_mean(spent.get((_label(column), level), [])) for column in columns]
        for level, density in levels.items()
    ]
    return [*found, ("Seconds of training", table(head, lines))]


def notes(rows: Sequence[Mapping[str, Any]], shown: Metric) -> list[str]:
    """What the tables' marks and numbers mean."""
    columns = summaries.columns_of(summaries.summarise(rows, shown))
    found = []
    if summaries.any_censored(columns):
        found.append(tables.CENSORED)
    if summaries.effective(columns):
        found.append("path: weights on a path from input to output.")
    if about := summaries.meaning(columns, "(minimum-maximum)"):
        found.append(about)
    return found


def layers(run: RunFiles) -> Html | None:
    """Density by layer of a few levels of one trial; None where no ticket is stored."""
    tickets = [each for each in run.runs if each.key == summaries.TICKET]
    tickets = [each for each in tickets if paths.exists(each.place.ticket)]
    if not tickets:
        return None
    first = tickets[0].row["trial"]
    by_level = {t.row["level"]: t for t in tickets if t.row["trial"] == first}
    known = {level: each.row["density"] for level, each in by_level.items()}
    chosen = shown_levels.choose_levels(known, count=_LAYERS)
    found = {
        level: ticket_files.load(
            by_level[level].place.ticket, content.TicketContent
        ).densities
        for level in chosen
    }
    names = dict.fromkeys(name for each in found.values() for name in each)
    head = ["weight", *(f"level {level}" for level in chosen)]
    lines = [
        [
            name,
            *(
                wording.percent_kept(found[level][name]) if name in found[level] else ""
                for level in chosen
            ),
        ]
        for name in names
    ]
    return table(head, lines, "first")


def exports(run: RunFiles) -> Html | None:
    """Bytes and latency of what lth-export wrote into the run; None without any."""
    index = paths.join(run.root, "export", "export.json")
    if not paths.exists(index):
        return None
    stored = files.read_json(index)
    reports = stored.get("exports") if isinstance(stored, dict) else None
    if not isinstance(reports, list):
        raise LotteryError(f"{index} is no index of exports")
    lines = [_export(each) for each in reports if isinstance(each, dict)]
    head = ["format", "bytes", "dense", "share (%)", "a call", "dense", "times dense"]
    return table(head, lines, "first") if lines else None


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The result lines as the address of a file that holds them."""
    flat = [flattened(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    data = base64.b64encode(buffer.getvalue().encode()).decode("ascii")
    return f"data:text/csv;base64,{data}"


def _export(report: Mapping[str, Any]) -> list[str]:
    sizes: list[Any] = [report.get(name) for name in ("bytes", "dense_bytes")]
    cells = [str(report.get("format", ""))]
    cells += [f"{size:,}" if isinstance(size, int) else "" for size in sizes]
    share = ""
    if all(isinstance(size, int) and size > 0 for size in sizes):
        share = f"{100 * sizes[0] / sizes[1]:.1f}"
    found = report.get("found")
    latencies = found.get("latencies") if isinstance(found, dict) else None
    first = latencies[0] if isinstance(latencies, list) and latencies else {}
    times = [first.get(n) for n in ("sparse", "dense")] if first else []
    cells += [share, *(f"{1e6 * t:,.0f} us" for t in times if isinstance(t, float))]
    ratio = first.get("ratio") if first else None
    cells += [""] * (6 - len(cells))
    return [*cells, f"{ratio:.2f}" if isinstance(ratio, float) else ""]


def _seconds(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if (seconds := row.get(_SECONDS)) is not None:
            key = summaries.label(row), row["level"]
            found.setdefault(key, []).append(seconds)
    return found


def _mean(values: Sequence[float]) -> Html:
    if not values:
        return with_small("-", "")
    mean = sum(values) / len(values)
    ends = f"({min(values):.1f}-{max(values):.1f})" if len(values) > 1 else ""
    return with_small(f"{mean:.1f}", ends)


def _titled(column: summaries.Column, metric: str) -> str:
    label = _label(column)
    title = tables.title(column, [metric])
    return display_names.control(label) + title.removeprefix(label)


def _label(column: summaries.Column) -> str:
    return next(iter(column.values())).label
