"""What is ranked together: groups of units, and how many each has level by level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning import counts, ranking, round_rates
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.units import Units


class Group(NamedTuple):
    """Units that are ranked together.

    Attributes:
        name: path of the weight tensor, or "the model".
        units: how many there are.
        weights: how many weights they have in all.
        rate: share of the surviving units pruned per round, or in each of some.
        even: whether all units have as many weights.
        after: how many units there are after each round, where shapes decide; there
            are no further rounds then.
    """

    name: str
    units: int
    weights: int
    rate: RoundRate
    even: bool = True
    after: tuple[int, ...] | None = None


def of(among: Units, scope: str, rates: Sequence[RoundRate]) -> list[Group]:
    """What is ranked together in a dense model; at rate 0 a tensor is by itself.

    Args:
        among: the units of its prunable tensors.
        scope: "layer" or "global".
        rates: of each tensor.
    """
    found = [_of_bundle(among, bundle, rates) for bundle in among.bundles]
    rows = [row for row in found if row.rate]
    if scope == "layer" or not rows:
        return found
    units, weights = sum(r.units for r in rows), sum(r.weights for r in rows)
    even = all(r.even and r.weights * units == weights * r.units for r in rows)
    after = None
    if all(row.after is not None for row in rows):
        each = zip(*(row.after for row in rows if row.after), strict=True)
        after = tuple(sum(numbers) for numbers in each)
    joined = Group("the model", units, weights, rows[0].rate, even, after)
    return [joined, *(row for row in found if not row.rate)]


def first_empty(among: Units, group: Group, levels: int) -> int | None:
    """The first of some levels at which a group has no unit left."""
    if group.after is not None:
        return None
    kept, every = group.units, not isinstance(group.rate, tuple)
    for level in range(1, levels + 1):
        rate = counts.rate_at(group.rate, level)
        before, kept = kept, among.keep(kept, group.units, rate)
        if kept == 0:
            return level
        if kept == before and every:
            break  # No further round prunes anything.
    return None


def rounds_done(
    among: Units, groups: Sequence[Group], left: Sequence[int], last: int
) -> int | None:
    """The round after which groups have some numbers of units; of several the last.

    A round may prune nothing, and is over then.

    Args:
        among: the units.
        groups: what is ranked together in the dense model.
        left: units of each that there are.
        last: rounds that there are rates for.

    Returns:
        Rounds, 0 for the dense model; None where no round leaves as many.
    """
    kept, found = [group.units for group in groups], None
    for number in range(last + 1):
        if number:
            kept = [
                group.after[min(number, len(group.after)) - 1]
                if group.after
                else among.keep(n, group.units, counts.rate_at(group.rate, number))
                for n, group in zip(kept, groups, strict=True)
            ]
        if kept == list(left):
            found = number
    return found


def level_for_density(among: Units, groups: Sequence[Group], target: float) -> int:
    """The first level whose density P_m is at most `target`; see `counts`.

    Raises:
        LotteryError: the density is none or cannot be reached, or it depends on which
            units are kept.
    """
    for group in groups:
        if not group.even:
            raise LotteryError(
                f"target_density={target!r}: with granularity={among.text!r} the units "
                f"of {group.name} differ in size, so that only training shows a "
                "level's density: give levels=."
            )
    each = [group.weights / group.units for group in groups]
    if any(group.after is not None for group in groups):
        return _level_of_rounds(groups, each, counts.check_density(target))
    return counts.level_for_density(
        [group.units for group in groups],
        [group.rate for group in groups],
        target,
        each,
        among.keep,
    )


def _level_of_rounds(
    groups: Sequence[Group], each: Sequence[float], target: float
) -> int:
    """The first level at most as dense, where shapes decide what rounds keep."""
    total = sum(group.weights for group in groups)
    rounds = max(len(group.after or ()) for group in groups)
    for level in range(rounds + 1):
        kept = [
            group.after[level - 1] if level and group.after else group.units
            for group in groups
        ]
        density = sum(n * per for n, per in zip(kept, each, strict=True)) / total
        if density <= target:
            return level
    raise LotteryError(
        f"target_density={target!r} cannot be reached: the granularity ends at "
        f"{density:.3g}. Raise the target, or keep fewer."
    )


def _of_bundle(
    among: Units, bundle: Sequence[int], rates: Sequence[RoundRate]
) -> Group:
    parts = [_of_tensor(among, index, rates[index]) for index in bundle]
    if len(parts) == 1:
        return parts[0]
    return parts[0]._replace(
        weights=sum(part.weights for part in parts),
        rate=round_rates.least(part.rate for part in parts),
        even=all(part.even for part in parts),
    )


def _of_tensor(among: Units, index: int, rate: RoundRate) -> Group:
    tensor = among.tensors[index]
    weights = math.prod(tensor.shape)
    if among.single:
        return Group(tensor.path, weights, weights, rate)
    dense = np.ones(tensor.shape, bool)
    units = among.of_one(tensor, dense)
    even = True
    # Units are uneven where the last ones of an axis are cut off.
    for place in {0, units.size - 1} if units.size else ():
        one = np.zeros_like(units)
        one.flat[place] = True
        size = int(np.count_nonzero(among.spread_one(tensor, one, dense)))
        even = even and size * units.size == weights
    after = None
    if rate and among.rule.rounds is not None:
        after = _after(among, index, units, rate)
    return Group(tensor.path, units.size, weights, rate, even, after)


def _after(
    among: Units, index: int, units: np.ndarray, rate: RoundRate
) -> tuple[int, ...] | None:
    """The numbers of units after each round, whichever units these are."""
    tensor, found = among.tensors[index], []
    for _ in range(among.rule.rounds or 0):
        number = among.rule.keep_of(tensor, units)
        if number is None:
            return None
        scores = among.rule.pool(tensor, np.zeros(units.shape), units)
        units = ranking.shrink(np.asarray(scores), units, number)
        found.append(number)
    return tuple(found)
