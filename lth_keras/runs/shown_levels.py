"""Which levels does a figure of a few of them show?

Those asked for by the percentage of weights kept, or some spread over all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from lth_keras.errors import LotteryError


def choose_levels(
    found: Mapping[int, float],
    percents: Iterable[float] | None = None,
    count: int = 5,
    most: int | None = None,
) -> list[int]:
    """The levels that a figure of a few of them shows.

    Args:
        found: density by level, as from `summaries.densities`.
        percents: P_m in percent; the level whose density is nearest by ratio is taken
            for each.
        count: how many levels are spread over all of them where none is asked for.
        most: how many levels the figure can tell apart; None for any number.

    Returns:
        Levels, each once, in ascending order.

    Raises:
        LotteryError: if a percentage is none, or they are too many.
    """
    levels = sorted(found)
    if percents is None:
        last = len(levels) - 1
        steps = range(min(count, len(levels)))
        return [levels[round(n * last / max(1, len(steps) - 1))] for n in steps]
    wanted = list(percents)
    for percent in wanted:
        if not 0 < percent <= 100:
            raise LotteryError(
                f"densities={percent:g} is no percentage of weights: use numbers over "
                "0 and at most 100"
            )
    chosen = {
        min(levels, key=lambda n: abs(math.log(100 * found[n] / percent)))
        for percent in wanted
    }
    if most is not None and len(chosen) > most:
        raise LotteryError(
            f"densities: {len(chosen)} levels are more than one figure can tell apart; "
            f"name at most {most}"
        )
    return sorted(chosen)
