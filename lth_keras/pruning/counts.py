"""Level arithmetic: what a round keeps, and which level has a density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lth_keras import arguments
from lth_keras.arguments import MOST_LEVELS
from lth_keras.errors import LotteryError, shown

# Share of the surviving units pruned in every round; or in the first, the second, ...
RoundRate = float | tuple[float, ...]
# What a level of a search begins with.
FIRST = ("train", "prune")


def rounds_before(first: str) -> int:
    """Rounds of pruning before level 0 is trained.

    Args:
        first: of `FIRST`: "prune" has one.
    """
    return int(first == "prune")


def keep_count(surviving: int, rate: float) -> int:
    """How many of `surviving` weights a round at `rate` keeps.

    `n - round(rate * n)` with Python's round (half to even) on float64.

    Args:
        surviving: weights that the current mask keeps.
        rate: share to prune, in (0, 1).
    """
    return surviving - round(float(rate) * surviving)


def rate_at(rate: RoundRate, number: int) -> float:
    """The rate of a round.

    Args:
        rate: of every round, or of each of some.
        number: of the round, from 1.

    Raises:
        LotteryError: there are fewer rounds.
    """
    if not isinstance(rate, tuple):
        return rate
    if number > len(rate):
        raise LotteryError(
            f"this would be round {number}, and the rates are of {len(rate)} "
            f"round{'s' * (len(rate) != 1)}: stop before it, or wrap with more rates."
        )
    return rate[number - 1]


def check_rate(rate: Any, name: str = "rate") -> float:
    """The pruning rate as a float.

    Raises:
        LotteryError: not a number strictly between 0 and 1.
    """
    value = arguments.number(rate)
    if not 0.0 < value < 1.0:
        raise LotteryError(
            f"{name}={shown(rate)} is not a pruning rate: give the share of surviving "
            "weights to prune per round, above 0 and below 1, such as 0.2."
        )
    return value


def check_density(target: Any) -> float:
    """The density to end at as a float.

    Raises:
        LotteryError: not a number above 0 and at most 1.
    """
    value = arguments.number(target)
    if not 0.0 < value <= 1.0:
        raise LotteryError(
            f"target_density={shown(target)} is no density: give a share of the "
            "prunable weights, above 0 and at most 1, such as 0.036."
        )
    return value


def level_for_density(
    sizes: Sequence[int],
    rates: Sequence[RoundRate],
    target: float,
    each: Sequence[float] | None = None,
    keep: Callable[[int, int, float], int] | None = None,
) -> int:
    """The first level whose density P_m is at most `target`.

    Args:
        sizes: prunable units per tensor (or one total, in global scope).
        rates: pruning rate per tensor, or one for each round.
        target: density in (0, 1].
        each: weights per unit of each tensor; 1 by default.
        keep: f(surviving, size, rate), how many units a round keeps; `keep_count` by
            default.

    Raises:
        LotteryError: the density cannot be reached: rounding prunes too little, or
            there are rates for fewer rounds.
    """
    target = check_density(target)
    share = [1.0] * len(sizes) if each is None else each

    def weights(units: Sequence[int]) -> float:
        return sum(n * per for n, per in zip(units, share, strict=True))

    total, kept, level = weights(sizes), list(sizes), 0
    most = min((len(r) for r in rates if isinstance(r, tuple)), default=None)
    while weights(kept) > target * total:
        if level == most:
            raise LotteryError(
                f"target_density={target!r} is not reached in the {most} rounds that "
                f"there are rates for, which end at {weights(kept) / total:.3g}: raise "
                "the target, or give more rates."
            )
        now = [rate_at(rate, level + 1) for rate in rates]
        pruned = [
            keep_count(n, rate) if keep is None else keep(n, size, rate)
            for n, size, rate in zip(kept, sizes, now, strict=True)
        ]
        if pruned == kept and most is None:
            raise LotteryError(
                f"target_density={target!r} cannot be reached: at "
                f"{weights(kept) / total:.3g} a round prunes no further weight. Raise "
                "the target or the rate."
            )
        if level >= MOST_LEVELS:
            raise LotteryError(
                f"target_density={target!r} is not reached in {MOST_LEVELS} levels: "
                "raise the target or the rate."
            )
        kept, level = pruned, level + 1
    return level
