"""The results of a job as a table of text, made from its stored result rows alone.

print(tables.table(files.read_jsonl("runs/mnist/results.jsonl")))
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.runs import summaries, wording

_WIDTH = 100  # columns of a terminal
_MISSING = "-"
_GAP = "  "


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The results as text for a terminal of 100 columns.

    A line per level: P_m, then for the ticket and for each control beside it the
    early-stopping iteration, the test accuracy there, and that at the end. Means over
    trials; where there are several runs, their (min-max) stand on a second line.
    Controls that do not fit beside the ticket follow in a table of their own below.
    """
    columns = summaries.columns_of(summaries.summarise(rows))
    first, *controls = columns
    blocks: list[list[str]] = []
    while controls or not blocks:
        widths = range(len(controls), 1, -1)
        # One control is shown even where it does not fit.
        fitting = next((n for n in widths if _fits([first, *controls[:n]])), 1)
        blocks.append(_block([first, *controls[:fitting]]))
        controls = controls[fitting:]
    note = (
        "P_m: weights kept. stop at: iteration of minimum validation loss. accuracy: "
        "on the test data at that iteration, %. final acc: at the end of training, %."
    )
    if about := summaries.meaning(columns, "(min-max)"):
        note += f" {about}"
    blocks.append(textwrap.wrap(note, _WIDTH, break_on_hyphens=False))
    return "\n\n".join("\n".join(lines) for lines in blocks)


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
    """
    statistic = summary and summary.metrics[name]
    if not statistic:
        return _MISSING, ""
    scale, digits = (1, 0) if name == "early_stop_iteration" else (100, 2)
    mean, low, high = (
        f"{scale * value:.{digits}f}"
        for value in (statistic.mean, statistic.minimum, statistic.maximum)
    )
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
    top, head = " " * 12, "level  P_m %"
    widths = []
    for index, column in enumerate(columns):
        names = ("stop at", "accuracy", "final acc")
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
        starts = (f"{level:5}  {wording.percent_kept(density):>5}", " " * 12)
        for part, start in enumerate(starts):
            groups = [
                " ".join(map(str.rjust, [cell[part] for cell in group], width))
                for group, width in zip(cells[level], widths, strict=True)
            ]
            if part == 0 or any(group.strip() for group in groups):
                lines.append(_GAP.join([start, *groups]).rstrip())
    return lines


def _fits(columns: Sequence[summaries.Column]) -> bool:
    return max(map(len, _block(columns))) <= _WIDTH
