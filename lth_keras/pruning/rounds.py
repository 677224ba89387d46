"""One round: from scores and masks to smaller masks, by tensor or of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lth_keras.pruning import ranking, round_rates
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.scores import Scores
from lth_keras.pruning.units import Arrays, Units

# f(bundles, their units, rate) -> how many of the units of all of them stay.
Number = Callable[[Sequence[Sequence[int]], Arrays, Any], int]


def carry_out(
    among: Units,
    scores: Scores,
    masks: Arrays,
    scope: str,
    rates: Sequence[RoundRate],
    number: Number,
    in_place: bool = False,
) -> list[np.ndarray]:
    """The masks after a round.

    Args:
        among: the units of the tensors.
        scores: of each weight tensor, in its shape, or what computes them.
        masks: the present ones.
        scope: "layer", or "global", in which what is at rate 0 is not ranked.
        rates: of each tensor, in this round where they differ by round.
        number: how many units of a tensor stay; of all together in global scope.
        in_place: whether the present masks may be written.

    Raises:
        LotteryError: a score is NaN, or the granularity does not fit the tensors.
    """
    kept: dict[int, np.ndarray] = {}
    # Other granularities' units may be views of what is still asked for.
    written = in_place and among.single
    # Group by group: where each tensor is one, what is held is of one at a time.
    for together, rate in ranked(among, scope, rates):
        indices = [index for bundle in together for index in bundle]
        own = {index: np.asarray(masks[index], bool) for index in indices}
        present = {i: among.of_one(among.tensors[i], own[i]) for i in indices}
        pooled = {i: among.pool_one(i, scores[i], own[i], present[i]) for i in indices}
        parts = [among.joined(bundle, present, pooled) for bundle in together]
        units, values = [part[0] for part in parts], [part[1] for part in parts]
        left = number(together, units, rate)
        del pooled, parts
        if len(together) == 1:
            chosen = [ranking.shrink(values[0], units[0], left, written)]
        else:
            chosen = ranking.shrink_together(values, units, left, written)
        del values
        for bundle, those in zip(together, chosen, strict=True):
            for i in bundle:
                found = those if len(bundle) == 1 else _of(those, present[i])
                kept[i] = among.spread_one(among.tensors[i], found, own[i])
    return [
        kept[i] if i in kept else np.asarray(masks[i], bool) for i in range(len(masks))
    ]


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
