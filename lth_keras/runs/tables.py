"""The results of a job as a table, of text or for a notebook, from its rows alone.

print(tables.table(files.read_jsonl("runs/mnist/results.jsonl")))
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras import notebook
from lth_keras.runs import shown_metric, summaries, wording
from lth_keras.runs.shown_metric import Metric

_WIDTH = 100  # columns of a terminal
_MISSING = "-"
_GAP = "  "
# Before an iteration that the end of training cut off.
AT_LEAST = ">="
# What that says, below a table.
CENSORED = (
    f"{AT_LEAST}: the minimum was at the last evaluation, and longer training could "
    "have moved it."
)
# What a metric's column is headed with at most.
_WIDEST = 12


def table(rows: Iterable[Mapping[str, Any]], monitor_metric: str | None = None) -> str:
    """The results as text for a terminal of 100 columns.

    A line per level: P_m, then for the ticket and for each control beside it the
    early-stopping iteration, the test accuracy there, and that at the end. Means over
    trials; where there are several runs, their (min-max) stand on a second line.
    Controls that do not fit beside the ticket follow in a table of their own below.

    Args:
        rows: result rows.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Raises:
        LotteryError: there are no rows, or no run has that metric.
    """
    columns = _columns(rows, monitor_metric)
    first, *controls = columns
    blocks: list[list[str]] = []
    while controls or not blocks:
        widths = range(len(controls), 1, -1)
        # One control is shown even where it does not fit.
        fitting = next((n for n in widths if _fits([first, *controls[:n]])), 1)
        blocks.append(_block([first, *controls[:fitting]]))
        controls = controls[fitting:]
    blocks.append(textwrap.wrap(_note(columns), _WIDTH, break_on_hyphens=False))
    return "\n\n".join("\n".join(lines) for lines in blocks)


def in_notebook(
    rows: Iterable[Mapping[str, Any]],
    monitor_metric: str | None = None,
    caption: str = "",
) -> str:
    """The same as HTML for a notebook, all controls side by side.

    Args:
        rows: result rows.
        monitor_metric: as of `table`.
        caption: above the table.

    Raises:
        LotteryError: as of `table`.
    """
    columns = _columns(rows, monitor_metric)
    names = _heads(_shown(columns))
    on_paths = summaries.effective(columns)
    head = ["level", "P_m %", *(["path %"] if on_paths else [])]
    head += [f"{title(column)}: {name}" for column in columns for name in names]
    lines = []
    for level, density in summaries.densities(columns).items():
        cells = [
            " ".join(filter(None, cell(name, column.get(level))))
            for column in columns
            for name in summaries.SHOWN
        ]
        lines.append([*starts(level, density, on_paths), *cells])
    return notebook.table(head, lines, _note(columns), caption)


def _columns(
    rows: Iterable[Mapping[str, Any]], monitor_metric: str | None
) -> list[summaries.Column]:
    rows = list(rows)
    metric = shown_metric.of_rows(rows, monitor_metric)
    return summaries.columns_of(summaries.summarise(rows, metric))


def _shown(columns: Sequence[summaries.Column]) -> Metric:
    return next(iter(columns[0].values())).shown


def _heads(metric: Metric) -> tuple[str, str, str]:
    if metric.is_accuracy:
        return "stop at", "accuracy", "final acc"
    name = metric.name if len(metric.name) <= _WIDEST else "metric"
    return "stop at", name, "final"


def _note(columns: Sequence[summaries.Column]) -> str:
    """What the columns of a table mean."""
    metric = _shown(columns)
    _, name, final = _heads(metric)
    data = "test" if metric.data == "test" else "validation"
    unit = ", %" if metric.is_accuracy else ""
    what = "" if name == metric.name else f"{metric.name} "
    note = (
        "P_m: weights kept. stop at: iteration of minimum validation loss. "
        f"{name}: {what}on the {data} data at that iteration{unit}. "
        f"{final}: at the end of training{unit}."
    )
    if summaries.effective(columns):
        note += " path: weights on a path from input to output."
    if share := summaries.dense_share(columns):
        note += f" Besides: {wording.left_dense(share)}."
    if summaries.any_censored(columns):
        note += f" {CENSORED}"
    if about := summaries.meaning(columns, "(min-max)"):
        note += f" {about}"
    return note


def starts(level: int, density: float, on_paths: Mapping[int, float]) -> list[str]:
    """What a line begins with: the level, P_m and, if any is known, what is on a path.

    Args:
        level: the level.
        density: its P_m.
        on_paths: from `summaries.effective`.
    """
    found = [str(level), wording.percent_kept(density)]
    if on_paths:
        share = on_paths.get(level)
        found.append(_MISSING if share is None else wording.percent_kept(share))
    return found


def title(column: summaries.Column, names: Sequence[str] = summaries.SHOWN) -> str:
    """The label of a column, and what its means are of.

    Args:
        column: summaries by level.
        names: the metrics that are shown, in `METRICS`.

    Returns:
        ``ticket (n=5)`` of 5 trials with a run each, ``ticket (n=1-5)`` where not all
        levels have as many, and with replicates ``noise (5 trials, 15 runs)``.
    """
    name = next(iter(column.values())).label
    found = summaries.counts([column], names)
    if all(runs == 1 for _, runs in found):
        return name
    trials, runs = zip(*found, strict=True)
    if trials == runs:
        return f"{name} (n={wording.span(runs)})"
    one = "trial" if max(trials) == 1 else "trials"
    return f"{name} ({wording.span(trials)} {one}, {wording.span(runs)} runs)"


def cell(name: str, summary: summaries.Summary | None) -> tuple[str, str]:
    """A metric as text: the mean, and ``(min-max)`` if there are several runs.

    Args:
        name: one of `summaries.SHOWN`.
        summary: what the runs gave, or None if there are none.

    Returns:
        An iteration that the end of training cut off in some run is ``>=2000``.
    """
    statistic = summary.metrics[name] if summary else None
    if summary is None or statistic is None:
        return _MISSING, ""
    is_iteration = name == "early_stop_iteration"
    written = "{:.0f}".format if is_iteration else summary.shown.text
    values = statistic.mean, statistic.minimum, statistic.maximum
    mean, low, high = map(written, values)
    if is_iteration and statistic.censored:
        mean = AT_LEAST + mean
    return mean, f"({low}-{high})" if statistic.samples > 1 else ""


def _block(columns: Sequence[summaries.Column]) -> list[str]:
    """Lines of a table with these columns side by side."""
    levels = summaries.densities(columns)
    cells = {
        level: [
            [cell(name, column.get(level)) for name in summaries.SHOWN]
            for column in columns
        ]
        for level in levels
    }
    on_paths = summaries.effective(columns)
    head = "level  P_m %" + ("  path %" if on_paths else "")
    top = " " * len(head)
    widths = []
    for index, column in enumerate(columns):
        names = _heads(_shown(columns))
        texts = [
            [name, *(part for level in levels for part in cells[level][index][place])]
            for place, name in enumerate(names)
        ]
        widths.append([max(map(len, text)) for text in texts])
        # A label wider than its three columns widens the last of them.
        widths[-1][-1] += max(0, len(title(column)) - sum(widths[-1]) - 2)
        top += _GAP + title(column).center(sum(widths[-1]) + 2)
        head += _GAP + " ".join(map(str.rjust, names, widths[-1]))
    lines = [top.rstrip(), head]
    for level, density in levels.items():
        first = _GAP.join(
            text.rjust(5 + (place == 2))
            for place, text in enumerate(starts(level, density, on_paths))
        )
        for part, start in enumerate((first, " " * len(first))):
            groups = [
                " ".join(map(str.rjust, [cell[part] for cell in group], width))
                for group, width in zip(cells[level], widths, strict=True)
            ]
            if part == 0 or any(group.strip() for group in groups):
                lines.append(_GAP.join([start, *groups]).rstrip())
    return lines


def _fits(columns: Sequence[summaries.Column]) -> bool:
    return max(map(len, _block(columns))) <= _WIDTH
