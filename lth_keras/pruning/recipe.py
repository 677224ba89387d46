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
from typing import Any, NamedTuple

import numpy as np

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import counts, criteria, granularity, rounds, units
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.units import Arrays, Group

SCOPES = ("layer", "global")


class Values(NamedTuple):
    """What criteria read, one array per prunable weight tensor.

    Attributes:
        trained: the present weights.
        initial: the initial weights, or None where they were not captured.
        gradients: the mean gradients of the loss, or None where there are no data.
        paths: names of the tensors, for errors.
    """

    trained: Arrays
    initial: Arrays | None = None
    gradients: Arrays | None = None
    paths: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is pruned.

    Attributes:
        criterion: name of the score function; see `lth.criteria.names()`.
        granularity: what is kept or pruned as one; see `granularity.names()`.
        scope: "layer" ranks each weight tensor by itself, "global" all together
            (1803.03635, section 4).
        rates: share of the surviving units pruned per round, of each prunable weight
            tensor in the model's order; in global scope all are the same. A tensor at
            rate 0, which is frozen, is left as it is and ranked with no other.
    """

    criterion: str = "magnitude"
    granularity: str = "weight"
    scope: str = "layer"
    rates: tuple[float, ...] = ()

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
        granularity.get(self.granularity)
        rates = set(self.rates) - {0.0}
        if self.scope == "global" and len(rates) > 1:
            raise LotteryError(
                f"scope='global' ranks all weights together at one rate, got "
                f"{sorted(rates)}: give one rate, and None for layers to leave out."
            )
        return self

    @classmethod
    def joined(cls, parts: Iterable[Recipe]) -> Recipe:
        """The recipe of a model whose layers have these, in their order.

        Raises:
            LotteryError: they differ in more than their rates.
        """
        rates: list[float] = []
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

    @property
    def needs(self) -> frozenset[str]:
        """What the criterion reads besides the trained weights."""
        return criteria.needs(self.criterion)

    def scores(self, values: Values, rng: np.random.Generator) -> list[np.ndarray]:
        """The scores of each weight tensor, in its shape; higher is kept.

        Args:
            values: what the criterion may read.
            rng: for a criterion that draws.

        Raises:
            LotteryError: the criterion needs what is not there, or returned scores
                of another shape.
        """
        if "initial" in self.needs and values.initial is None:
            raise LotteryError(
                f"criterion={self.criterion!r} compares with the initial weights: pass "
                "what lth.capture(model) returned, lth.prune(model, start)."
            )
        if "gradients" in self.needs and values.gradients is None:
            raise LotteryError(
                f"criterion={self.criterion!r} reads gradients: pass the data that "
                "they are of, lth.prune(model, data=(x, y))."
            )
        function = criteria.get(self.criterion)
        found = []
        for index, trained in enumerate(values.trained):
            initial = trained if values.initial is None else values.initial[index]
            given = [initial, trained, rng]
            if "gradients" in self.needs and values.gradients is not None:
                given.append(values.gradients[index])
            score = function(*given)
            if np.shape(score) != trained.shape:
                name = values.paths[index] if values.paths else f"weight {index}"
                raise LotteryError(
                    f"criterion={self.criterion!r} returned scores of shape "
                    f"{np.shape(score)} for {name} of shape {trained.shape}: return "
                    "one score a weight."
                )
            found.append(score)
        return found

    def shrink(
        self, scores: Arrays, masks: Arrays, tensors: Sequence[Tensor] = ()
    ) -> list[np.ndarray]:
        """The masks after one round.

        Exactly `n - round(rate * n)` of the n surviving units stay, or as many as the
        granularity says: of each tensor, or of all together in global scope.

        Args:
            scores: of each weight tensor, in its shape.
            masks: the present boolean masks.
            tensors: what they are of; needed by granularities that ask for the kind
                of the layer, and for errors.

        Raises:
            LotteryError: a score is NaN, or the granularity does not fit the tensors.
        """
        among = self._units(units.named(tensors, masks))
        return rounds.carry_out(
            among, scores, masks, self.scope, self.rates, among.keep
        )

    def shrink_to(
        self,
        scores: Arrays,
        masks: Arrays,
        like: Arrays,
        tensors: Sequence[Tensor] = (),
    ) -> list[np.ndarray]:
        """The masks that keep as many units of each group as other masks do.

        Args:
            scores: of each weight tensor, in its shape.
            masks: the masks to choose from.
            like: the masks whose numbers are kept.
            tensors: as in `shrink`.
        """
        among = self._units(units.named(tensors, masks))
        present = among.of([np.asarray(mask, bool) for mask in like])
        found = [int(np.count_nonzero(unit)) for unit in present]
        if self.scope == "global":
            found = [sum(found[i] for i in rounds.ranked(self.rates, len(found)))]
        numbers = iter(found)
        return rounds.carry_out(
            among, scores, masks, self.scope, self.rates, lambda *_: next(numbers)
        )

    def groups(self, tensors: Sequence[Tensor]) -> list[Group]:
        """What is ranked together in a dense model.

        Args:
            tensors: the prunable weight tensors.
        """
        return self._units(tensors).groups(self.scope, self.rates)

    def level_for_density(self, groups: Sequence[Group], target: float) -> int:
        """The first level whose density P_m is at most `target`; see `counts`.

        Raises:
            LotteryError: the density is none or cannot be reached, or it depends on
                which units are kept.
        """
        for group in groups:
            if not group.even:
                raise LotteryError(
                    f"target_density={target!r}: with granularity="
                    f"{self.granularity!r} the units of {group.name} differ in size, "
                    "so that only training shows a level's density: give levels=."
                )
        return counts.level_for_density(
            [group.units for group in groups],
            [group.rate for group in groups],
            target,
            [group.weights / group.units for group in groups],
            self._units().keep,
        )

    def first_empty(
        self, groups: Sequence[Group], levels: int
    ) -> tuple[int, Group] | None:
        """The first level of some that would leave a group empty, and the group.

        In global scope a single tensor can still run empty, which only training shows.
        """
        among = self._units()
        found = [(among.first_empty(group, levels), group) for group in groups]
        empty = [(level, group) for level, group in found if level is not None]
        return min(empty, key=lambda pair: pair[0], default=None)

    def check_levels(self, groups: Sequence[Group], levels: int) -> None:
        """Refuses levels that would leave a weight tensor empty.

        Raises:
            LotteryError: names the first level, and the weight.
        """
        if (empty := self.first_empty(groups, levels)) is not None:
            level, group = empty
            raise LotteryError(
                f"levels={levels}: level {level} would leave {group.name} "
                f"({group.weights} weights at rate {group.rate}) without any weight: "
                f"use at most {level - 1} levels, or leave the layer out (exclude=)."
            )

    def get_config(self) -> dict[str, Any]:
        """The recipe as plain data, without rates, which layers have of their own."""
        found = dataclasses.asdict(self)
        del found["rates"]
        return found

    def settings(self) -> dict[str, Any]:
        """The recipe as plain data for a manifest, byte for byte as it always was.

        Manifests from before there were granularities are of single weights.
        """
        found = {"scope": self.scope, "criterion": self.criterion}
        if self.granularity != "weight":
            found["granularity"] = self.granularity
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
        self._units().rule.check(tensor)

    def _units(self, tensors: Sequence[Tensor] = ()) -> units.Units:
        return units.Units(self.granularity, tensors)
