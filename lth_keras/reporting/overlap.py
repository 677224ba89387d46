"""Overlap of masks by layer and level, beside what chance would give.

Of the tickets of several trials, or of each ticket and a control with another mask.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import overlaps, repair, summaries
from lth_keras.runs.finished import FinishedRun, RunFiles
from lth_keras.runs.overlaps import Overlap
from lth_keras.tickets import content
from lth_keras.tickets import files as ticket_files

_ACROSS = 2


@dataclasses.dataclass(frozen=True)
class Point:
    """The overlaps of two masks of a level.

    Attributes:
        density: P_m of the first.
        found: by path of each weight.
    """

    density: float
    found: dict[str, Overlap]


def collect(run: RunFiles) -> dict[str, list[Point]]:
    """The overlaps that the runs of a directory allow, by what is compared.

    Args:
        run: finished runs.

    Returns:
        "tickets of two trials", of every pair of trials; and for each control, with
        the ticket of its trial and level, unless it has the ticket's own mask.

    Raises:
        LotteryError: a ticket is damaged, or there is nothing to compare.
    """
    tickets = {
        (each.row["trial"], each.row["level"]): each
        for each in run.runs
        if each.key == summaries.TICKET and each.row["density"] < 1
    }
    found: dict[str, list[Point]] = {}
    masks: dict[str, dict[str, np.ndarray]] = {}
    for first, second in itertools.combinations(sorted(tickets), 2):
        if first[1] == second[1]:
            pair = tickets[first], tickets[second]
            found.setdefault("tickets of two trials", []).append(_point(*pair, masks))
    for each in run.runs:
        ticket = tickets.get((each.row["trial"], each.row["level"]))
        if each.key == summaries.TICKET or ticket is None:
            continue
        point = _point(ticket, each, masks)
        if any(one.both < one.kept for one in point.found.values()):
            found.setdefault(summaries.label(each.row), []).append(point)
    if not found:
        raise LotteryError(
            f"{run.root} has no two masks to compare: it needs two trials, or a "
            "control with a mask of its own, such as one_shot"
        )
    return found


def draw(series: Mapping[str, Sequence[Point]], title: str | None = None) -> Any:
    """The share of kept weights that another mask keeps too, against P_m.

    A panel for what is compared, at most six, in it a line for each weight tensor, at
    most seven; dotted in the same colour what random masks of those densities share.
    Points are means over pairs.

    Args:
        series: from `collect`.
        title: a line above the panels.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing.
    """
    shown = list(series.items())[:6]
    across = drawing.across(_ACROSS, len(shown))
    down = -(-len(shown) // across)
    with drawing.style():
        figure = drawing.new(4.0 if down == 1 else 3.4 * down, title)
        every = list(figure.subplots(down, across, squeeze=False, sharey=True).flat)
        for axes in every[len(shown) :]:
            axes.set_axis_off()
        for axes, (name, points) in zip(every, shown, strict=False):
            _panel(axes, points)
            axes.set_title(name)
            axes.set_ylabel("kept by both (%)")
        drawing.legend(figure, drawing.handles(every[: len(shown)]))
    return figure


def _panel(axes: Any, points: Sequence[Point]) -> None:
    levels: dict[float, list[Point]] = {}
    for point in points:
        levels.setdefault(round(point.density, 9), []).append(point)
    densities = sorted(levels, reverse=True)
    percents = [100 * density for density in densities]
    names = list(points[0].found)[: len(drawing.COLOURS)]
    for index, name in enumerate(names):
        for of_chance in (False, True):
            values = [
                100 * np.mean([_share(p.found[name], of_chance) for p in levels[d]])
                for d in densities
            ]
            axes.plot(
                percents,
                values,
                label=f"{name}, chance" if of_chance else name,
                color=drawing.COLOURS[index],
                linestyle=":" if of_chance else "-",
                marker=None if of_chance else drawing.MARKERS[index],
                markersize=4,
                linewidth=1.3,
            )
    drawing.density_axis(axes, percents)
    axes.set_ylim(bottom=0)


def _share(one: Overlap, of_chance: bool) -> float:
    return one.chance if of_chance else one.share


def _point(
    first: FinishedRun, second: FinishedRun, known: dict[str, dict[str, np.ndarray]]
) -> Point:
    mine, theirs = (_masks(each, known) for each in (first, second))
    pairs = zip(mine.items(), theirs.values(), strict=True)
    return Point(
        first.row["density"],
        {path: overlaps.of_masks(mask, other) for (path, mask), other in pairs},
    )


def _masks(
    run: FinishedRun, known: dict[str, dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The masks of a run's ticket, read once."""
    root = run.place.root
    if root not in known:
        with repair.advised(root):
            ticket = ticket_files.load(run.place.ticket, content.TicketContent)
        known[root] = {weight.path: mask for weight, mask in ticket.pruned()}
    return known[root]
