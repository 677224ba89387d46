"""Distributions of a ticket's weights before and after training.

The initial weights that winning tickets keep, per layer (1803.03635, appendix F).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import wording
from lth_keras.runs.finished import KeptWeights
from lth_keras.storage import paths

_ACROSS = 4  # layers in a row
_MOST = 8  # layers in a figure
_STAGES = ("initial", "trained")


def figure(
    tickets: Sequence[tuple[float, KeptWeights]],
    path: paths.PathLike,
    title: str | None = None,
) -> None:
    """Draws the distributions and writes them as ``.png`` or ``.svg``; see `draw`."""
    drawing.check_path(path)
    drawing.save(draw(tickets, title), path)


def draw(tickets: Sequence[tuple[float, KeptWeights]], title: str | None = None) -> Any:
    """Distributions of the weights that tickets keep, a colour for each P_m.

    A column for each layer: above the weights that training starts from, below those
    that it ends with. Pruned weights are left out; each line encloses an area of 1.

    Args:
        tickets: density and kept weights of each ticket, at most seven.
        title: a line above the panels.

    Returns:
        A matplotlib figure, to be saved with `drawing.save`. Of networks with more
        than eight prunable weights it shows eight, the first and the last among them.

    Raises:
        LotteryError: if matplotlib is missing, or there are no tickets or too many.
    """
    if not 0 < len(tickets) <= len(drawing.COLOURS):
        raise LotteryError(
            f"{len(tickets)} tickets cannot be drawn in one figure: choose 1 to "
            f"{len(drawing.COLOURS)} densities"
        )
    layers = list(tickets[0][1])
    shown = [layers[n] for n in _spread(len(layers))]
    if len(shown) < len(layers):
        note = f"{len(shown)} of {len(layers)} layers"
        title = f"{title}: {note}" if title else note
    across = drawing.across(_ACROSS, len(shown))
    blocks = -(-len(shown) // across)
    with drawing.style():
        figure = drawing.new(0.8 + 3.6 * blocks, title)
        every = figure.subplots(2 * blocks, across, squeeze=False)
        for place in range(blocks * across):
            block, column = divmod(place, across)
            for stage, name in enumerate(_STAGES):
                axes = every[2 * block + stage, column]
                if place >= len(shown):
                    axes.set_axis_off()
                    continue
                _panel(axes, [(d, kept[shown[place]][stage]) for d, kept in tickets])
                if stage == 0:
                    axes.set_title(shown[place])
                axes.set_xlabel(f"{name} weight")
                if column == 0:
                    axes.set_ylabel("density")
        drawing.legend(figure, drawing.handles(every.flat), title="weights remaining")
    return figure


def histogram(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, ...]:
    """The distribution of weights between two ends, smoothed a little for few of them.

    Args:
        values: float vector of at least one weight.
        low: left end of the first bin.
        high: right end of the last bin.

    Returns:
        Densities (bins,), of which the area is 1 where all values are inside, and the
        edges of the bins (bins + 1,).
    """
    # Rice's rule, within what a panel can show.
    bins = int(np.clip(round(2 * float(np.cbrt(len(values)))), 12, 60))
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    return counts / (len(values) * np.diff(edges)), edges


def _panel(axes: Any, series: Sequence[tuple[float, np.ndarray]]) -> None:
    values = [v[np.isfinite(v)] for _, v in series]
    pooled = np.concatenate(values)
    if not len(pooled):
        drawing.not_measured(axes)
        return
    # A few far weights would leave the others a single bin.
    reach = max(float(np.quantile(np.abs(v), 0.999)) for v in values if len(v))
    reach = reach or 1.0
    for index, ((density, _), found) in enumerate(zip(series, values, strict=True)):
        if not len(found):
            continue
        heights, edges = histogram(found, -reach, reach)
        axes.stairs(
            heights,
            edges,
            label=f"{wording.percent_kept(density)} %",
            color=drawing.COLOURS[index],
            linewidth=1.3,
        )
    axes.set_ylim(bottom=0)
    drawing.grid(axes)


def _spread(count: int) -> list[int]:
    """Indices of the layers that are shown: all, or some with both ends."""
    shown = min(count, _MOST)
    return [round(n * (count - 1) / max(1, shown - 1)) for n in range(shown)]
