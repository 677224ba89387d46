"""One round: from scores and masks to smaller masks, by tensor or of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lth_keras.pruning import ranking
from lth_keras.pruning.units import Arrays, Units

# f(surviving, size, rate) -> how many units stay.
Keep = Callable[[int, int, float], int]


def carry_out(
    among: Units,
    scores: Arrays,
    masks: Arrays,
    scope: str,
    rates: Sequence[float],
    keep: Keep,
) -> list[np.ndarray]:
    """The masks after a round.

    Args:
        among: the units of the tensors.
        scores: of each weight tensor, in its shape.
        masks: the present ones.
        scope: "layer", or "global", in which what is at rate 0 is not ranked.
        rates: of each tensor.
        keep: how many units of a tensor stay; of all together in global scope.

    Raises:
        LotteryError: a score is NaN, or the granularity does not fit the tensors.
    """
    masks = [np.asarray(mask, bool) for mask in masks]
    present = among.of(masks)
    pooled = among.pool(scores, masks, present)
    surviving = [int(np.count_nonzero(unit)) for unit in present]
    places = ranked(rates, len(present))
    if scope == "global" and places:
        together = [present[index] for index in places]
        number = keep(
            sum(surviving[index] for index in places),
            sum(unit.size for unit in together),
            rates[places[0]],
        )
        new = ranking.shrink_together([pooled[i] for i in places], together, number)
        kept = list(present)
        for index, mask in zip(places, new, strict=True):
            kept[index] = mask
    else:
        kept = [
            ranking.shrink(score, unit, keep(count, unit.size, rate))
            for score, unit, count, rate in zip(
                pooled, present, surviving, rates, strict=True
            )
        ]
    return among.spread(kept, masks)


def ranked(rates: Sequence[float], size: int) -> list[int]:
    """Positions of the tensors, of `size`, that global scope ranks together."""
    frozen = {index for index, rate in enumerate(rates) if rate == 0}
    return [index for index in range(size) if index not in frozen]
