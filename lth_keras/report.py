"""Summaries and tables of a search, made from its stored result rows alone.

A row is one line of ``results.jsonl``: a dict about one finished training run. The
"ticket" row of level 0 is the dense network; a control's row at level l is about a
network with the density of level l.

    rows = files.read_jsonl("runs/mnist/results.jsonl")
    print(report.table(rows))
"""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.compat import LotteryError

TICKET = "ticket"
METRICS = (
    "early_stop_iteration",
    "early_stop_test_accuracy",
    "test_accuracy",
    "validation_loss",
    "train_accuracy",
)
SHOWN = METRICS[:3]
_WIDTH = 100  # columns of a terminal
_MISSING = "-"
_GAP = "  "


@dataclasses.dataclass(frozen=True)
class Statistic:
    """What several runs gave for one metric, in the metric's own unit."""

    mean: float
    minimum: float
    maximum: float
    samples: int


@dataclasses.dataclass(frozen=True)
class Summary:
    """The runs of one control at one level, over trials and replicates.

    Attributes:
        control: "ticket", or the control's name.
        parameters: the control's own, such as ``{"sigma": 0.5}``.
        level: pruning rounds; a control has the density of this level.
        density: P_m, the fraction of prunable weights that are kept (mean).
        samples: how many runs.
        metrics: a statistic for each name in `METRICS`; None if no run measured it.
    """

    control: str
    parameters: dict[str, Any]
    level: int
    density: float
    samples: int
    metrics: dict[str, Statistic | None]

    @property
    def label(self) -> str:
        """The control with its parameters: ``noise sigma=0.5``."""
        return label({"control": self.control, "parameters": self.parameters})


# One column of a table, and one curve of a figure: a control's summaries by level.
Column = dict[int, Summary]


def summarise(rows: Iterable[Mapping[str, Any]]) -> list[Summary]:
    """Joins the runs that differ in trial and replicate only.

    Args:
        rows: result rows. A metric may be absent or None: the run did not measure it.

    Returns:
        Summaries, those of the ticket first, then each control's in the order of its
        first row; levels ascending.

    Raises:
        LotteryError: if there are no rows, or one lacks its control, level or density,
            or its density is no fraction.
    """
    groups: dict[tuple[str, str], dict[int, list[Mapping[str, Any]]]] = {}
    for number, row in enumerate(rows, start=1):
        for key in ("control", "level", "density"):
            if row.get(key) is None:
                raise LotteryError(f"result row {number} has no {key!r}: {dict(row)}")
        if not 0 < row["density"] <= 1:
            raise LotteryError(
                f"result row {number} has density {row['density']}; it is a fraction, "
                "over 0 and at most 1"
            )
        parameters = json.dumps(row.get("parameters") or {}, sort_keys=True)
        levels = groups.setdefault((row["control"], parameters), {})
        levels.setdefault(row["level"], []).append(row)
    if not groups:
        raise LotteryError("there are no result rows to report: no run has finished")
    return [
        Summary(
            control=control,
            parameters=json.loads(parameters),
            level=level,
            density=math.fsum(row["density"] for row in group) / len(group),
            samples=len(group),
            metrics={name: _statistic(name, group) for name in METRICS},
        )
        for (control, parameters), levels in sorted(
            groups.items(), key=lambda item: item[0][0] != TICKET
        )
        for level, group in sorted(levels.items())
    ]


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The results as text for a terminal of 100 columns.

    A line per level: P_m, then for the ticket and for each control beside it the
    early-stopping iteration, the test accuracy there, and that at the end. Means;
    where there are several runs, their (min-max) stand on a second line. Controls
    that do not fit beside the ticket follow in a table of their own below.
    """
    columns = columns_of(summarise(rows))
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
    if any(s.samples > 1 for column in columns for s in column.values()):
        note += " Mean and (min-max) of n runs."
    blocks.append(textwrap.wrap(note, _WIDTH))
    return "\n\n".join("\n".join(lines) for lines in blocks)


def markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    """The content of `table` as one Markdown table, without a trailing newline."""
    columns = columns_of(summarise(rows))
    head = ["level", "P_m (%)"]
    for column in columns:
        name = title(column).replace("|", "\\|")
        head += [f"{name}: early stop (iteration)", "test accuracy there (%)"]
        head += ["final test accuracy (%)"]
    lines = [head, ["---:"] * len(head)]
    for level, density in densities(columns).items():
        cells = [
            " ".join(part for part in cell(name, column.get(level)) if part)
            for column in columns
            for name in SHOWN
        ]
        lines.append([str(level), percent_kept(density), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def columns_of(summaries: Iterable[Summary]) -> list[Column]:
    """The summaries by label, as met, and each label's by level."""
    columns: dict[str, Column] = {}
    for summary in summaries:
        columns.setdefault(summary.label, {})[summary.level] = summary
    return list(columns.values())


def densities(columns: Sequence[Column]) -> dict[int, float]:
    """Density by level, ascending; the ticket's where it has the level."""
    found: dict[int, float] = {}
    for column in columns:
        for level, summary in column.items():
            found.setdefault(level, summary.density)
    return dict(sorted(found.items()))


def label(row: Mapping[str, Any]) -> str:
    """The control of a row with its parameters: ``noise sigma=0.5``."""
    parameters = sorted((row.get("parameters") or {}).items())
    return " ".join([row["control"], *(f"{key}={v}" for key, v in parameters)])


def choose_levels(
    found: Mapping[int, float],
    percents: Iterable[float] | None = None,
    count: int = 5,
) -> list[int]:
    """The levels that a figure of a few of them shows.

    Args:
        found: density by level, as from `densities`.
        percents: P_m in percent; the level whose density is nearest by ratio is taken
            for each.
        count: how many levels are spread over all of them where none is asked for.

    Returns:
        Levels, each once, in ascending order.

    Raises:
        LotteryError: if a percentage is none.
    """
    levels = sorted(found)
    if percents is None:
        last = len(levels) - 1
        steps = range(min(count, len(levels)))
        return [levels[round(n * last / max(1, len(steps) - 1))] for n in steps]
    wanted = list(percents)
    for percent in wanted:
        if not 0 < percent <= 100:
            raise LotteryError(
                f"densities={percent:g} is no percentage of weights: use numbers over "
                "0 and at most 100"
            )
    return sorted(
        {
            min(levels, key=lambda n: abs(math.log(100 * found[n] / percent)))
            for percent in wanted
        }
    )


def percent_kept(density: float) -> str:
    """P_m as the paper quotes it, and two digits of what it would call 0.0."""
    percent = 100 * density
    return f"{percent:.1f}" if percent >= 0.95 else f"{percent:.2g}"


def _statistic(name: str, group: Sequence[Mapping[str, Any]]) -> Statistic | None:
    values = [row[name] for row in group if row.get(name) is not None]
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    return Statistic(mean, min(values), max(values), len(values))


def title(column: Column) -> str:
    """The label of a column, and of how many runs it is the mean: ``ticket (n=5)``."""
    samples = max(summary.samples for summary in column.values())
    name = next(iter(column.values())).label
    return f"{name} (n={samples})" if samples > 1 else name


def cell(name: str, summary: Summary | None) -> tuple[str, str]:
    """A metric as text: the mean, and ``(min-max)`` if there are several runs.

    Args:
        name: one of `SHOWN`.
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


def _block(columns: Sequence[Column]) -> list[str]:
    """Lines of a table with these columns side by side."""
    levels = densities(columns)
    cells = {
        level: [[cell(name, column.get(level)) for name in SHOWN] for column in columns]
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
        starts = (f"{level:5}  {percent_kept(density):>5}", " " * 12)
        for part, start in enumerate(starts):
            groups = [
                " ".join(map(str.rjust, [cell[part] for cell in group], width))
                for group, width in zip(cells[level], widths, strict=True)
            ]
            if part == 0 or any(group.strip() for group in groups):
                lines.append(_GAP.join([start, *groups]).rstrip())
    return lines


def _fits(columns: Sequence[Column]) -> bool:
    return max(map(len, _block(columns))) <= _WIDTH
