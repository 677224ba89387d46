"""How a model is pruned, as one object: criterion, granularity, scope and rates.

    recipe = Recipe(criterion="movement", scope="global", rates=(0.2, 0.2))
    masks = recipe.shrink(recipe.scores(Values(trained, initial)), masks)

`wrap` makes it, the wrappers keep it in their configuration, and everyone else reads it
from the model. A variation is a recipe with a field replaced
(`dataclasses.replace(recipe, criterion="random")`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import (
    counts,
    criteria,
    round_rates,
    rounds,
    scores,
    units,
)
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularities import Tensor
from lth_keras.pruning.levels import Levels
from lth_keras.pruning.scores import Scores, Values
from lth_keras.pruning.units import Arrays

SCOPES = ("layer", "global")
WHERE = ("each", "together", "first")


@dataclasses.dataclass(frozen=True)
class Recipe(Levels):
    """How a model is pruned.

    Attributes:
        criterion: name of the score function; see `lth.criteria.names()`.
        granularity: what is kept or pruned as one; see `granularity.names()`.
        scope: "layer" ranks each weight tensor by itself, "global" all together
            (1803.03635, section 4).
        rates: share of the surviving units pruned per round, of each prunable weight
            tensor in the model's order, each one number or one for each round; in
            global scope all are the same. A tensor at rate 0, which is frozen, is left
            as it is and ranked with no other.
        where: of filters that a residual network adds, whether "each" layer loses its
            own, all "together" the same, or only the "first" layers of a block any.
    """

    criterion: str = "magnitude"
    granularity: str = "weight"
    scope: str = "layer"
    rates: tuple[RoundRate, ...] = ()
    where: str = "each"

    def check(self) -> Recipe:
        """The recipe itself.

        Raises:
            LotteryError: a name is not known, or global scope has several rates.
        """
        if not among(self.scope, SCOPES):
            raise LotteryError(
                f"scope={shown(self.scope)} is not known: use 'layer' or 'global'."
            )
        criteria.get(self.criterion)
        rule = self.rule
        if not among(self.where, WHERE):
            raise LotteryError(
                f"where={shown(self.where)} is not known: use {', '.join(WHERE)}."
            )
        if self.where != "each" and not rule.outputs:
            raise LotteryError(
                f"where={self.where!r} is for whole filters, and granularity="
                f"{self.granularity!r} has none: use granularity='filter'."
            )
        rates = set(self.rates) - {0.0}
        if self.scope == "global" and len(rates) > 1:
            raise LotteryError(
                f"scope='global' ranks all weights together at one rate, got "
                f"{sorted(rates, key=str)}: give one rate, and None for layers to "
                "leave out."
            )
        return self

    @classmethod
    def joined(cls, parts: Iterable[Recipe]) -> Recipe:
        """The recipe of a model whose layers have these, in their order.

        Raises:
            LotteryError: they differ in more than their rates.
        """
        rates: list[RoundRate] = []
        different: dict[Recipe, None] = {}
        for part in parts:
            rates += part.rates
            different[dataclasses.replace(part, rates=())] = None
        if len(different) != 1:
            raise LotteryError(
                f"the model's layers are pruned in {len(different)} ways "
                f"({', '.join(map(str, different))}): wrap the whole model at once."
            )
        return dataclasses.replace(next(iter(different)), rates=tuple(rates))

    def of_round(self, number: int) -> Recipe:
        """The recipe of a round, from 1: with the rates of it.

        Raises:
            LotteryError: there are rates for fewer rounds.
        """
        if round_rates.rounds(self.rates) is None:
            return self
        now = tuple(counts.rate_at(rate, number) for rate in self.rates)
        return dataclasses.replace(self, rates=now)

    @property
    def needs(self) -> frozenset[str]:
        """What the criterion reads besides the trained weights."""
        return criteria.needs(self.criterion)

    @property
    def whole(self) -> bool:
        """Whether the criterion sees the whole network."""
        return criteria.of(self.criterion).whole

    @property
    def rounds(self) -> int:
        """In how many steps the criterion takes a round."""
        return criteria.of(self.criterion).rounds

    def scores(self, values: Values, rng: np.random.Generator) -> list[np.ndarray]:
        """The scores of each weight tensor, in its shape; higher is kept.

        Args:
            values: what the criterion may read.
            rng: for a criterion that draws.

        Raises:
            LotteryError: the criterion needs what is not there, or returned scores
                of another shape.
        """
        return [np.asarray(score) for score in self.scores_one_by_one(values, rng)]

    def scores_one_by_one(self, values: Values, rng: np.random.Generator) -> Scores:
        """As `scores`, for who asks for those of each tensor once: see `scores.of`."""
        return scores.of(self.criterion, values, rng)

    def shrink(
        self,
        scores: Scores,
        masks: Arrays,
        tensors: Sequence[Tensor] = (),
        in_place: bool = False,
    ) -> list[np.ndarray]:
        """The masks after one round.

        Exactly `n - round(rate * n)` of the n surviving units stay, or as many as the
        granularity says: of each tensor, or of all together in global scope.

        Args:
            scores: of each weight tensor, in its shape.
            masks: the present boolean masks.
            tensors: what they are of; needed by granularities that ask for the kind
                of the layer, and for errors.
            in_place: whether the arrays of `masks` may be written, and returned.

        Raises:
            LotteryError: a score is NaN, or the granularity does not fit the tensors.
        """
        among = self._units(units.named(tensors, masks))
        return rounds.carry_out(
            among, scores, masks, self.scope, self.rates, among.number, in_place
        )

    def shrink_to(
        self,
        scores: Scores,
        masks: Arrays,
        like: Arrays,
        tensors: Sequence[Tensor] = (),
        share: float = 1.0,
    ) -> list[np.ndarray]:
        """The masks that keep as many units of each group as other masks do.

        Args:
            scores: of each weight tensor, in its shape.
            masks: the masks to choose from.
            like: the masks whose numbers are kept.
            tensors: as in `shrink`.
            share: how far toward these numbers, by the factor between both: of 100
                units to 1, half the way leaves 10.
        """
        among = self._units(units.named(tensors, masks))
        kept = among.of([np.asarray(mask, bool) for mask in like])

        def number(together: Any, present: Any, rate: float) -> int:
            left = sum(
                int(np.count_nonzero(among.joined(bundle, kept, kept)[0]))
                for bundle in together
            )
            surviving = sum(int(np.count_nonzero(units)) for units in present)
            if share == 1 or not surviving:
                return left
            return max(left, round(surviving * (left / surviving) ** share))

        return rounds.carry_out(among, scores, masks, self.scope, self.rates, number)

    def get_config(self) -> dict[str, Any]:
        """The recipe as plain data, without rates, which layers have of their own."""
        found = dataclasses.asdict(self)
        del found["rates"]
        if self.where == "each":
            del found["where"]  # As files of before there were others have it.
        return found

    def settings(self) -> dict[str, Any]:
        """The recipe as plain data for a manifest, byte for byte as it always was.

        Manifests from before there were granularities are of single weights.
        """
        found = {"scope": self.scope, "criterion": self.criterion}
        if self.granularity != "weight":
            found["granularity"] = self.granularity
        if self.where != "each":
            found["where"] = self.where
        return {**found, "rates": list(self.rates)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Recipe:
        """The recipe of `get_config`, taken out of `config`.

        Files written before there were recipes have its fields one by one.
        """
        stored = config.pop("recipe", {})
        old = {n: config.pop(n) for n in ("criterion", "scope") if n in config}
        return cls(**old, **stored)

    def check_tensor(self, tensor: Tensor) -> None:
        """Refuses a weight tensor that the granularity cannot prune."""
        self.rule.check(tensor)
