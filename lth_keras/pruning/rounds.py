"""One round: from scores and masks to smaller masks, by tensor or of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lth_keras.pruning import ranking, round_rates
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.units import Arrays, Units

# f(bundles, their units, rate) -> how many of the units of all of them stay.
Number = Callable[[Sequence[Sequence[int]], Arrays, Any], int]


def carry_out(
    among: Units,
    scores: Arrays,
    masks: Arrays,
    scope: str,
    rates: Sequence[RoundRate],
    number: Number,
) -> list[np.ndarray]:
    """The masks after a round.

    Args:
        among: the units of the tensors.
        scores: of each weight tensor, in its shape.
        masks: the present ones.
        scope: "layer", or "global", in which what is at rate 0 is not ranked.
        rates: of each tensor, in this round where they differ by round.
        number: how many units of a tensor stay; of all together in global scope.

    Raises:
        LotteryError: a score is NaN, or the granularity does not fit the tensors.
    """
    masks = [np.asarray(mask, bool) for mask in masks]
    present = among.of(masks)
    pooled = among.pool(scores, masks, present)
    kept = list(present)

    def keep(bundle: Sequence[int], chosen: np.ndarray) -> None:
        for index in bundle:
            kept[index] = chosen if len(bundle) == 1 else _of(chosen, present[index])

    for together, rate in ranked(among, scope, rates):
        parts = [among.joined(bundle, present, pooled) for bundle in together]
        units, values = [part[0] for part in parts], [part[1] for part in parts]
        left = number(together, units, rate)
        if len(together) == 1:
            keep(together[0], ranking.shrink(values[0], units[0], left))
            continue
        for bundle, chosen in zip(
            together, ranking.shrink_together(values, units, left), strict=True
        ):
            keep(bundle, chosen)
    return among.spread(kept, masks)


def ranked(
    among: Units, scope: str, rates: Sequence[RoundRate]
) -> list[tuple[list[list[int]], RoundRate]]:
    """The bundles that are ranked together, with their rate; each is in one.

    In global scope all are, but for those at rate 0, which stay as they are.
    """
    rated = [
        (bundle, round_rates.least(rates[i] for i in bundle))
        for bundle in among.bundles
    ]
    pruned = [(bundle, rate) for bundle, rate in rated if rate]
    if scope == "global" and pruned:
        return [([bundle for bundle, _ in pruned], pruned[0][1])]
    return [([bundle], rate) for bundle, rate in rated]


def _of(chosen: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The units of a tied tensor that a bundle keeps, those of them that there are."""
    return chosen.reshape(units.shape) & units
