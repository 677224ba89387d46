"""How far a level's mask still moves, by iteration (1909.11957, figure 3)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import shown_levels, summaries, wording
from lth_keras.runs.finished import RowAndCurve

# A column of the curve where the search watched its masks.
COLUMN = "mask_distance"
CAPTION = (
    "Distance between the mask that a level would give the next one and those of the "
    "evaluations before, the largest of them. A line is one trial's level; it ends "
    "where the level was ended."
)


def watched(runs: Iterable[RowAndCurve]) -> list[RowAndCurve]:
    """The tickets' levels whose masks were watched."""
    return [
        (row, curve)
        for row, curve in runs
        if row["control"] == summaries.TICKET and COLUMN in curve
    ]


def draw(
    runs: Iterable[RowAndCurve],
    title: str | None = None,
    densities: Sequence[float] | None = None,
    threshold: float | None = None,
) -> Any:
    """Draws the distance against the iteration, a colour for each P_m.

    Args:
        runs: result rows with their curves.
        title: a line above.
        densities: P_m in percent, at most seven; the nearest levels are taken. Five
            levels spread over all by default.
        threshold: the distance at which a mask has settled, as a dotted line.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: matplotlib is missing, no level was watched, or a percentage is
            none or they are too many.
    """
    found = watched(runs)
    if not found:
        raise LotteryError(
            "no level's mask was watched: search with stop=lth.MaskConverged() or "
            "--stop=mask_converged"
        )
    kept = {row["level"]: row["density"] for row, _ in found}
    most = len(drawing.COLOURS)
    chosen = shown_levels.choose_levels(kept, densities, most=most)
    with drawing.style():
        figure = drawing.new(4.2, title)
        axes = figure.subplots()
        for row, curve in found:
            if row["level"] in chosen:
                label = f"{wording.percent_kept(kept[row['level']])} %"
                _line(axes, curve, label, chosen.index(row["level"]))
        if threshold is not None:
            axes.axhline(threshold, color=drawing.GREY, linestyle=":", linewidth=1.0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("training iteration")
        axes.set_ylabel("distance of masks")
        drawing.grid(axes)
        drawing.legend(figure, drawing.handles([axes]), title="weights remaining")
    return figure


def threshold_of(settings: Any) -> float | None:
    """The threshold that a search.json names, or None.

    Args:
        settings: its settings, whatever they are.
    """
    stop = settings.get("stop") if isinstance(settings, Mapping) else None
    value = stop.get("threshold") if isinstance(stop, Mapping) else None
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    return None


def _line(
    axes: Any, curve: Mapping[str, Sequence[Any]], label: str, index: int
) -> None:
    points = zip(curve["iteration"], curve[COLUMN], strict=True)
    known = [(step, value) for step, value in points if value is not None]
    axes.plot(
        [step for step, _ in known],
        [value for _, value in known],
        label=label,
        color=drawing.COLOURS[index],
        marker=drawing.MARKERS[index],
        markersize=3,
        linewidth=1.2,
    )
