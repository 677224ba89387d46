"""Linear mode connectivity in figures: the rise of the error between two networks.

1912.05671, figures 1 and 3: instability against the iteration that the networks start
from, and the error along the line between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import display_names, lines, wording
from lth_keras.runs.stability import STABLE, Stability

Key = tuple[str, int]  # what was trained, and the level


def draw(found: Sequence[Stability], title: str | None = None) -> Any:
    """Instability, and the error along the lines of some networks.

    On the left instability: against k, where networks start from several iterations,
    with a line for each network; else against P_m, with a line for what was trained. On
    the right the error along the lines from the first iteration, in the colours of the
    left; where those stand for several densities, paler with fewer weights. Points are
    means over trials and pairs, bars their minimum and maximum; with interpolated
    statistics of BatchNormalization, where these were recalibrated too, lines are
    dashed.

    Args:
        found: from `runs.stability.read`, of one search or several trials.
        title: a line above the panels.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`.

    Raises:
        LotteryError: if matplotlib is missing, or nothing was measured.
    """
    if not found:
        raise LotteryError(
            "no stability has been measured: lth-stability RUN_DIR, or "
            "lth.Experiment(stability=...), does it"
        )
    by_step = len({each.rewind_to for each in found}) > 1
    unit = "points" if found[0].lines[0].is_accuracy else "loss"
    with drawing.style():
        across = drawing.across(2, 2)
        figure = drawing.new(4.0 * (3 - across), title)
        left, right = figure.subplots(3 - across, across)
        if by_step:
            _against_step(left, found)
        else:
            _against_density(left, found)
        left.axhline(STABLE, color=drawing.GREY, linewidth=0.8, linestyle=":")
        left.set_ylabel(f"instability ({unit})")
        left.set_ylim(bottom=min(0.0, left.get_ylim()[0]))
        _along(right, found, by_step)
        for axes in (left, right):
            drawing.grid(axes)
        drawing.legend(figure, drawing.handles([left]))
    return figure


def _against_step(axes: Any, found: Sequence[Stability]) -> None:
    for index, (key, group) in enumerate(_groups(found).items()):
        steps = sorted({each.rewind_to for each in group})
        at = [[e for e in group if e.rewind_to == step] for step in steps]
        _points(axes, steps, at, _label(key, group[0]), index)
    axes.set_xlabel("iteration k that the networks start from")


def _against_density(axes: Any, found: Sequence[Stability]) -> None:
    names = list(dict.fromkeys(each.of for each in found))
    percents = sorted({100 * each.density for each in found})
    drawing.density_axis(axes, percents)
    for index, name in enumerate(names):
        group = [each for each in found if each.of == name]
        levels = sorted({each.level for each in group})
        at = [[e for e in group if e.level == level] for level in levels]
        places = [100 * float(np.mean([e.density for e in each])) for each in at]
        _points(axes, places, at, name, index)


def _points(
    axes: Any,
    places: Sequence[float],
    groups: Sequence[Sequence[Stability]],
    label: str,
    index: int,
) -> None:
    """A line of means with bars; a dashed one for interpolated statistics."""
    for statistics in (None, lines.INTERPOLATED):
        other = statistics is not None
        if other and all(e.statistics == statistics for g in groups for e in g):
            continue
        values = [[_of(each, statistics) for each in group] for group in groups]
        means = np.array([float(np.mean(each)) for each in values])
        low = means - [min(each) for each in values]
        high = [max(each) for each in values] - means
        colour = drawing.COLOURS[index % len(drawing.COLOURS)]
        axes.errorbar(
            places,
            means,
            None if not (low.any() or high.any()) else [low, high],
            label=f"_{label}" if other else label,
            color=colour,
            marker=drawing.MARKERS[index % len(drawing.MARKERS)],
            markerfacecolor="white" if other else colour,
            markersize=4,
            linewidth=1.3,
            linestyle="--" if other else "-",
            capsize=2,
        )


def _of(each: Stability, statistics: str | None) -> float:
    value = each.instability_of(statistics=statistics)
    return float("nan") if value is None else value


def _along(axes: Any, found: Sequence[Stability], by_step: bool) -> None:
    """The mean error along the lines, of the first iteration of each network.

    Where lines have several numbers of places, those with the most are drawn.
    """
    groups = _groups(found)
    names = list(dict.fromkeys(each.of for each in found))
    scale = 100.0 if found[0].lines[0].is_accuracy else 1.0
    for index, (key, group) in enumerate(groups.items()):
        first = min(each.rewind_to for each in group)
        most = max(len(each.alphas) for each in group if each.rewind_to == first)
        shown = [
            each
            for each in group
            if each.rewind_to == first and len(each.alphas) == most
        ]
        errors = np.concatenate([scale * each.errors for each in shown])
        levels = sorted(level for of, level in groups if of == key[0])
        place = levels.index(key[1]) / max(1, len(levels) - 1)
        colour = index if by_step else names.index(key[0])
        axes.plot(
            shown[0].alphas,
            errors.mean(0),
            label=f"_{_label(key, shown[0])}",
            color=drawing.COLOURS[colour % len(drawing.COLOURS)],
            alpha=1.0 if by_step else 1.0 - 0.7 * place,
            linewidth=1.3,
        )
    several = not by_step and len(groups) > len(names)
    note = " (paler: fewer weights)" if several else ""
    axes.set_xlabel(f"place on the line between two networks{note}")
    axes.set_ylabel("error (%)" if scale > 1 else "loss")


def _groups(found: Sequence[Stability]) -> dict[Key, list[Stability]]:
    groups: dict[Key, list[Stability]] = {}
    for each in found:
        groups.setdefault((each.of, each.level), []).append(each)
    return groups


def _label(key: Key, one: Stability) -> str:
    return f"{display_names.control(key[0])}, {wording.percent_kept(one.density)} %"
