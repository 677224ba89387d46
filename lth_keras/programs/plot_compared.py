"""Two searches set against each other, as a table of the page and of the terminal."""

from __future__ import annotations

from lth_keras.programs.plot_parts import Runs
from lth_keras.reporting.markup import table
from lth_keras.reporting.page_parts import Compared
from lth_keras.runs import shown_metric, side_by_side, wording
from lth_keras.runs.shown_metric import Metric
from lth_keras.runs.side_by_side import Beside


def compared(runs: Runs, monitor_metric: str | None) -> tuple[Compared, str]:
    """The table for a page, and the same as text.

    Args:
        runs: two searches by name.
        monitor_metric: what is compared; by default what the rows name.

    Raises:
        LotteryError: they show different metrics.
    """
    rows = {name: run.rows for name, run in runs.items()}
    metric = shown_metric.of_searches(rows, monitor_metric)
    first, second = rows.values()
    found = side_by_side.compare(first, second, metric)
    head = ["weights (%)", *runs, "difference", "trials"]
    lines = [_line(each, metric) for each in found]
    note = (
        f"{metric.title} after training{metric.unit}, means over trials; the first "
        "less the second, and its standard error. Trials are paired where both "
        "searches have the same seeds."
    )
    if not lines:
        note = "The searches have no share of weights in common. " + note
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    text = "\n".join(
        "  ".join(map(str.rjust, cells, widths)) for cells in [head, *lines]
    )
    return Compared(table(head, lines), note), f"{text}\n{note}"


def _line(each: Beside, metric: Metric) -> list[str]:
    means = [sum(v) / len(v) for v in (each.values, each.others)]
    scale = metric.scale
    form = "+.2f" if metric.is_accuracy else "+.4g"
    difference = f"{scale * each.difference:{form}}"
    if (error := each.error) is not None:
        difference += f" +- {scale * error:{form[1:]}}"
    counts = f"{len(each.values)}, paired"
    if not each.paired:
        counts = f"{len(each.values)}, {len(each.others)}"
    return [
        wording.percent_kept(each.density),
        *map(metric.text, means),
        difference,
        counts,
    ]
