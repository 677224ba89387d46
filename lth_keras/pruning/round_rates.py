"""A pruning rate by round: one number for every round, or one for each of some.

rate = check([0.36, 0.36, 0.19])
of_counts([100, 64, 41])    # the rates that keep exactly these numbers
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lth_keras import arguments
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.counts import RoundRate, check_rate

# At 0.05 a round, less than a hundredth is left after as many.
MOST_ROUNDS = 100


def check(rate: Any, name: str = "rate") -> RoundRate:
    """The rate as a float, or as one a round.

    In a round at 0 of several a layer stays as it is.

    Raises:
        LotteryError: it is no number strictly between 0 and 1, and no list of numbers
            from 0 to below 1.
    """
    if isinstance(rate, (str, bytes)) or not isinstance(rate, Iterable):
        return check_rate(rate, name)
    meaning = "the share to prune in each round, such as [0.36, 0.36, 0.19]"
    given = arguments.listed(name, rate, meaning, MOST_ROUNDS)
    if not given:
        raise LotteryError(f"{name}={shown(rate)} has no round: give {meaning}.")
    found = tuple(map(arguments.number, given))
    for index, value in enumerate(found):
        if not 0.0 <= value < 1.0:
            raise LotteryError(
                f"{name}={shown(rate)}: {shown(given[index])}, of round {index + 1}, "
                "is not a pruning rate: give a share of the surviving weights, 0 or "
                "more and below 1."
            )
    return found


def by_level(function: Any) -> RoundRate:
    """The rates of f(level), asked for levels 1, 2, ... until it returns None.

    Args:
        function: f(level) -> the share to prune in the round that leads to a level.

    Raises:
        LotteryError: it raised, or returned no rate.
    """
    found: list[float] = []
    for level in range(1, MOST_ROUNDS + 1):
        try:
            value = function(level)
        except Exception as error:  # Whatever a function of the user's raises.
            raise LotteryError(
                f"rate(level={level}) raised {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}; return None where rounds end."
            ) from error
        if value is None:
            break
        rate = arguments.number(value)
        if not 0.0 <= rate < 1.0:
            raise LotteryError(
                f"rate(level={level}) is {shown(value)}: return a share of the "
                "surviving weights, 0 or more and below 1, or None where rounds end."
            )
        found.append(rate)
    if not found:
        raise LotteryError("rate(level=1) is None: return the rate of the first round.")
    # A function that never changes has no last round.
    if len(found) == MOST_ROUNDS and len(set(found)) == 1:
        return check_rate(found[0])
    return tuple(found)


def rounds(rates: Iterable[RoundRate]) -> int | None:
    """How many rounds all of some rates have; None for no end."""
    return min((len(r) for r in rates if isinstance(r, tuple)), default=None)


def least(rates: Iterable[RoundRate]) -> RoundRate:
    """The rate of units that go together, which is one unless some are frozen."""
    every = list(rates)
    return 0.0 if 0.0 in every else every[0]


def of_counts(counts: Sequence[int]) -> tuple[float, ...]:
    """The rates whose rounds keep exactly some numbers of units.

    The product of a rate and its count is off a whole number by rounding alone, which
    `counts.keep_count` rounds away.

    Args:
        counts: before the first round, after it, after the second, and so on.
    """
    return tuple(
        (before - after) / before if before else 0.0
        for before, after in zip(counts, counts[1:], strict=False)
    )


def geometric(units: int, kept: int, number: int) -> list[int]:
    """Numbers of units that fall by the same factor in each of some rounds.

    Args:
        units: before the first round.
        kept: after the last, at most `units`.
        number: of rounds, at least 1.
    """
    share = kept / units if units else 1.0
    found = [units, *(round(units * share ** (i / number)) for i in range(1, number))]
    return [max(n, kept) for n in found] + [kept]
