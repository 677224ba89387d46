"""The figures of analyses: what runs have in common, in the words of a request."""

from __future__ import annotations

from lth_keras.programs.plot_flags import Request
from lth_keras.programs.plot_parts import Drawn, Runs, file_of, titled
from lth_keras.reporting import overlap as figure_overlap
from lth_keras.reporting import settling as figure_settling
from lth_keras.reporting import stability as figure_stability
from lth_keras.runs import lines, stability


def draw_stability(runs: Runs, request: Request, title: str) -> Drawn:
    """Instability, a figure for each search that it was measured of.

    Raises:
        LotteryError: it was asked for, and a search has none; or a line is damaged.
    """
    caption = (
        "Instability (the largest error on the line between two networks trained from "
        "one start, minus the mean of its ends; below the dotted line training is "
        "called stable), and the error along the line. Points are means over trials "
        "and pairs, bars the minimum and maximum."
    )
    drawn = []
    for name, run in runs.items():
        wanted = request.levels
        found = [
            each
            for each in stability.read(run.root)
            if wanted is None or each.level in wanted
        ]
        if not request.kinds and not found:
            continue  # It is measured of few searches.
        about = caption
        if any(each.statistics != lines.INTERPOLATED for each in found):
            about += (
                " Statistics of BatchNormalization are recalibrated; dashed, hollow: "
                "interpolated."
            )
        figure = figure_stability.draw(found, titled(runs, name, title))
        place = file_of("stability", runs, name)
        drawn.append((place, titled(runs, name, about), figure))
    return drawn


def draw_overlap(runs: Runs, request: Request, title: str) -> Drawn:
    """Overlaps of masks, a figure for each search.

    Raises:
        LotteryError: there are no two masks to compare.
    """
    caption = (
        "Share of the weights that one mask keeps and the other keeps too, by weight "
        "tensor; dotted: of random masks that keep as many of each. Points are means "
        "over pairs."
    )
    return [
        (
            file_of("overlap", runs, name),
            titled(runs, name, caption),
            figure_overlap.draw(figure_overlap.collect(run), titled(runs, name, title)),
        )
        for name, run in runs.items()
    ]


def draw_settling(runs: Runs, request: Request, title: str) -> Drawn:
    """How far masks move while levels train, of searches that watched them.

    Raises:
        LotteryError: it was asked for, and a search has not.
    """
    drawn = []
    for name, run in runs.items():
        if not request.kinds and not figure_settling.watched(run.curves):
            continue  # Most searches train every level to its end.
        figure = figure_settling.draw(
            run.curves,
            titled(runs, name, title),
            request.densities,
            figure_settling.threshold_of(run.search.get("settings")),
        )
        caption = titled(runs, name, figure_settling.CAPTION)
        drawn.append((file_of("settling", runs, name), caption, figure))
    return drawn
