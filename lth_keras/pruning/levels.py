"""The levels of a recipe: what rounds leave, by numbers alone, before any training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning import (
    counts,
    granularities,
    groups,
    round_rates,
    rounds,
    units,
)
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularities import Granularity, Tensor
from lth_keras.pruning.groups import Group
from lth_keras.pruning.units import Arrays


class Levels:
    """What a `Recipe` knows of its levels."""

    granularity: str
    scope: str
    rates: tuple[RoundRate, ...]

    @property
    def rule(self) -> Granularity:
        """The granularity itself."""
        return granularities.get(self.granularity)

    def _units(self, tensors: Sequence[Tensor] = ()) -> units.Units:
        return units.Units(self.granularity, tensors)

    def groups(self, tensors: Sequence[Tensor]) -> list[Group]:
        """What is ranked together in a dense model.

        Args:
            tensors: the prunable weight tensors.
        """
        return groups.of(self._units(tensors), self.scope, self.rates)

    def rounds_done(self, masks: Arrays, tensors: Sequence[Tensor]) -> int | None:
        """The round after which as many units are left as these masks keep, or None.

        For rates that differ by round; see `groups.rounds_done`.
        """
        among = self._units(tensors)
        present = among.of([np.asarray(mask, bool) for mask in masks])
        left = [
            sum(
                int(np.count_nonzero(among.joined(bundle, present, present)[0]))
                for bundle in together
            )
            for together, _ in rounds.ranked(among, self.scope, self.rates)
        ]
        found = self.groups(tensors)[: len(left)]
        last = round_rates.rounds(self.rates) or 0
        return groups.rounds_done(among, found, left, last)

    def in_rounds(
        self, tensors: Sequence[Tensor], levels: int, number: int
    ) -> tuple[RoundRate, ...]:
        """Rates that end at the numbers of units of a level, in other rounds.

        Each of the rounds keeps the same share of the units of a group, rounded.

        Args:
            tensors: the prunable weight tensors.
            levels: the rounds of the rates that there are.
            number: rounds to get there in.

        Raises:
            LotteryError: shapes decide how many units a round keeps.
        """
        if self.rule.rounds is not None:
            raise LotteryError(
                f"granularity={self.granularity!r} keeps by its own numbers, in as "
                "many rounds as it has, and not in fewer: search without a recipe=."
            )
        among, found = self._units(tensors), list(self.rates)
        together = rounds.ranked(among, self.scope, self.rates)
        for (bundles, rate), group in zip(together, self.groups(tensors), strict=False):
            kept = group.units
            for level in range(1, levels + 1):
                kept = among.keep(kept, group.units, counts.rate_at(rate, level))
            numbers = round_rates.geometric(group.units, kept, number)
            for index in (index for bundle in bundles for index in bundle):
                if self.rates[index]:
                    found[index] = round_rates.of_counts(numbers)
        return tuple(found)

    def level_for_density(self, found: Sequence[Group], target: float) -> int:
        """The first level whose density P_m is at most `target`; see `counts`.

        Raises:
            LotteryError: the density is none or cannot be reached, or it depends on
                which units are kept.
        """
        return groups.level_for_density(self._units(), found, target)

    def first_empty(
        self, found: Sequence[Group], levels: int
    ) -> tuple[int, Group] | None:
        """The first level of some that would leave a group empty, and the group.

        In global scope a single tensor can still run empty, which only training shows.
        """
        among = self._units()
        each = [(groups.first_empty(among, group, levels), group) for group in found]
        empty = [(level, group) for level, group in each if level is not None]
        return min(empty, key=lambda pair: pair[0], default=None)

    def check_levels(
        self, found: Sequence[Group], levels: int, before: int = 0
    ) -> None:
        """Refuses levels that would leave a weight tensor empty, or prune nothing.

        Args:
            found: what is ranked together in the dense model.
            levels: the last level.
            before: rounds of pruning before level 0.

        Raises:
            LotteryError: names the first level, and the weight.
        """
        self.check_rounds(levels, before)
        if (empty := self.first_empty(found, levels + before)) is not None:
            level, group = empty[0] - before, empty[1]
            fewer = f"use at most {level - 1} levels"
            raise LotteryError(
                f"levels={levels}: level {level} would leave {group.name} "
                f"({group.weights} weights at rate {group.rate}) without any weight: "
                f"{fewer if level else 'lower the rate'}, or leave the layer out "
                "(exclude=)."
            )

    def check_rounds(self, levels: int, before: int = 0) -> None:
        """Refuses more rounds than the granularity prunes anything in.

        Args:
            levels: the last level.
            before: rounds of pruning before level 0.

        Raises:
            LotteryError: says how many do.
        """
        given = round_rates.rounds(self.rates)
        if given is not None and levels + before > given:
            raise LotteryError(
                f"levels={levels}: there are rates for {given} "
                f"round{'s' * (given != 1)}: use levels={given - before}, or give "
                "more rates."
            )
        most = self.rule.rounds
        if most is not None and levels + before > most:
            raise LotteryError(
                f"levels={levels}: granularity={self.granularity!r} prunes in {most} "
                f"round{'s' * (most != 1)}, and nothing after: use "
                f"levels={most - before}, or one that falls by level, such as 3-2-1:4."
            )
