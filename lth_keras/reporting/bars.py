"""Controls side by side at one level, as bars: for runs of many controls and one round.

bars.figure(rows, "runs/lenet_signs/bars.png")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import display_names, shown_metric, summaries
from lth_keras.runs.shown_metric import Metric
from lth_keras.storage import paths

Rows = Iterable[Mapping[str, Any]]
_INCHES = 0.24  # of a bar and the room beside it
_UNTRAINED = "initial_test_accuracy"


class Bar(NamedTuple):
    """One control at the level.

    Attributes:
        label: its name with its parameters, or "ticket".
        trained: mean, minimum and maximum over its runs, as they are shown.
        untrained: the same before the first step; None where it was not measured.
    """

    label: str
    trained: tuple[float, float, float]
    untrained: tuple[float, float, float] | None


def figure(
    rows: Rows,
    path: paths.PathLike,
    title: str | None = None,
    level: int | None = None,
    monitor_metric: str | None = None,
) -> None:
    """Draws the bars and writes them as ``.png`` or ``.svg``; see `draw`."""
    drawing.check_path(path)
    drawing.save(draw(rows, title, level, monitor_metric), path)


def draw(
    rows: Rows,
    title: str | None = None,
    level: int | None = None,
    monitor_metric: str | None = None,
) -> Any:
    """A bar for the ticket and for each control, the best on top.

    Their ends are means over trials, with a line from minimum to maximum; the dense
    network is a vertical line. Where it was measured, a second panel has the same
    networks before their first step.

    Args:
        rows: result rows.
        title: a line above the panels.
        level: the level whose density is compared; by default the last with a control.
        monitor_metric: what is shown in the place of the test accuracy; by default
            what the rows name.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, or no control has that level.
    """
    found = list(rows)
    metric = shown_metric.of_rows(found, monitor_metric)
    bars = at_level(found, metric, level)
    dense = _dense(found, metric)
    untrained = any(bar.untrained for bar in bars)
    with drawing.style():
        made = drawing.new(1.1 + _INCHES * len(bars), title)
        down = -(-(1 + untrained) // drawing.across(2, 1 + untrained))
        shape = down, (1 + untrained) // down
        panels = list(made.subplots(*shape, squeeze=False, sharey=True).flat)
        _panel(panels[0], [bar.trained for bar in bars], dense)
        panels[0].set_xlabel(f"{metric.said} after training{metric.unit}")
        panels[0].set_yticks(
            range(len(bars)), [display_names.control(b.label) for b in bars]
        )
        panels[0].set_ylim(len(bars) - 0.4, -0.6)
        if untrained:
            _panel(panels[1], [bar.untrained for bar in bars], None)
            panels[1].set_xlabel("test accuracy before the first step (%)")
        drawing.legend(made, drawing.handles(panels))
    return made


def at_level(rows: Rows, metric: Metric, level: int | None = None) -> list[Bar]:
    """The bars, the best first.

    Raises:
        LotteryError: no control has that level.
    """
    every = list(rows)
    columns = summaries.columns_of(summaries.summarise(every, metric))
    known = {
        at
        for column in columns
        for at, found in column.items()
        if found.control != summaries.TICKET
    }
    if not known or (level is not None and level not in known):
        at = "any level" if level is None else f"level {level}"
        raise LotteryError(
            f"no control was run at {at}: bars compare controls; run some with "
            "run_controls.py (lth-controls)."
        )
    chosen = max(known) if level is None else level
    bars = []
    for column in columns:
        summary = column.get(chosen)
        trained = summary and summary.metrics["test_accuracy"]
        if not (summary and trained):
            continue
        scale = metric.scale
        ends = (
            scale * trained.mean,
            scale * trained.minimum,
            scale * trained.maximum,
        )
        bars.append(Bar(summary.label, ends, _untrained(every, summary)))
    sign = -1 if shown_metric.grows(metric.name) else 1
    return sorted(bars, key=lambda bar: sign * bar.trained[0])


def _untrained(
    rows: Rows, summary: summaries.Summary
) -> tuple[float, float, float] | None:
    trials: dict[int, list[float]] = {}
    for row in rows:
        here = row["level"] == summary.level and summaries.label(row) == summary.label
        if here and (value := row.get(_UNTRAINED)) is not None:
            trials.setdefault(summaries.trial_of(row), []).append(100 * value)
    if not trials:
        return None
    every = [value for values in trials.values() for value in values]
    means = [sum(values) / len(values) for values in trials.values()]
    return sum(means) / len(means), min(every), max(every)


def _dense(rows: Rows, metric: Metric) -> float | None:
    for found in summaries.summarise(rows, metric):
        if found.control == summaries.TICKET and found.density == 1:
            statistic = found.metrics["test_accuracy"]
            return metric.scale * statistic.mean if statistic else None
    return None


def _panel(
    axes: Any,
    values: Sequence[tuple[float, float, float] | None],
    dense: float | None,
) -> None:
    present = [(place, value) for place, value in enumerate(values) if value]
    places = [place for place, _ in present]
    means = [mean for _, (mean, _, _) in present]
    below = [mean - low for _, (mean, low, _) in present]
    above = [high - mean for _, (mean, _, high) in present]
    axes.barh(
        places,
        means,
        height=0.7,
        color=drawing.COLOURS[5],
        xerr=(below, above),
        error_kw={"ecolor": drawing.GREY, "elinewidth": 1.2},
    )
    whole = [] if dense is None else [dense]
    lows = [low for _, (_, low, _) in present] + whole
    highs = [high for _, (_, _, high) in present] + whole
    # Bars of 92 to 97 % would all look alike from 0.
    room = 0.15 * (max(highs) - min(lows)) or 0.05 * abs(max(highs)) or 1.0
    axes.set_xlim(min(lows) - room, max(highs) + room)
    if dense is not None:
        axes.axvline(dense, color=drawing.GREY, linestyle=":", label="dense network")
    drawing.grid(axes)
