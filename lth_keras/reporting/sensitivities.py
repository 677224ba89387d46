"""The loss against the share pruned of one layer alone, a line for each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.reporting import drawing, styles

# More lines than colours have other dashes.
_DASHES = ("-", "--", "-.", ":")


def panel(
    axes: Any, shares: Sequence[float], losses: Mapping[str, np.ndarray], whole: float
) -> None:
    """Draws the losses on axes.

    Args:
        axes: a matplotlib panel.
        shares: that were pruned, fractions.
        losses: by path of the weight tensor; NaN where a share was not measured.
        whole: the loss where nothing is pruned.
    """
    looks = itertools.product(_DASHES, range(len(drawing.COLOURS)))
    percents = [0.0, *(100 * share for share in shares)]
    for (path, values), (dashes, index) in zip(
        losses.items(), itertools.cycle(looks), strict=False
    ):
        axes.plot(
            percents,
            [whole, *values],
            label=path,
            color=drawing.COLOURS[index],
            marker=drawing.MARKERS[index],
            markersize=styles.current().marker,
            linestyle=dashes,
            linewidth=1.3,
        )
    axes.axhline(whole, color=drawing.GREY, linestyle=":", linewidth=1)
    axes.set_xlabel("pruned of one weight alone (%)")
    axes.set_ylabel("loss")
    drawing.grid(axes)
    axes.legend(frameon=False)
