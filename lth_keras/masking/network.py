"""A model's weights, masks, recipe and optimizer, found once and handed on.

    network = Network.of(model)
    acts.prune(network)
    acts.rewind(network, start)

Walking a model's layers for its weights is slow, and its order must not change on the
way. Every function that takes a model takes its network too.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras, raw_variable
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import orders
from lth_keras.masking.orders import Listed
from lth_keras.masking.weights import (
    Weight,
    listed_by_keras,
    scores_of,
    trainable_in,
    weights_of,
)
from lth_keras.pruning import masks, round_rates
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.groups import Group
from lth_keras.pruning.recipe import Recipe

Held = Union[keras.Model, "Network"]


class Slot(NamedTuple):
    """A variable of an optimizer that belongs to one weight."""

    weight: Weight
    name: str
    variable: Any
    optimizer: Any


class Network:
    """The weights of a built model, in an order that no `trainable` changes.

    Args:
        model: a built model, wrapped or not.
        optimizer: the optimizer of a loop of your own; the compiled one by default,
            also where the model is compiled later.

    Attributes:
        model: the model.
        weights: every weight of the network; see `weights_of`.

    Raises:
        LotteryError: it is no tf_keras model or has no weights yet, or the optimizer
            is none.
    """

    def __init__(self, model: keras.Model, optimizer: Any = None):
        compat.require_tf_keras_model(model)
        _check_optimizer(optimizer)
        self.model = model
        self.weights: tuple[Weight, ...] = tuple(weights_of(model))
        self._optimizer = optimizer

    @classmethod
    def of(cls, held: Held, optimizer: Any = None) -> Network:
        """The network of a model, or the one that is given."""
        if not isinstance(held, Network):
            return cls(held, optimizer)
        if optimizer is None or optimizer is held.optimizer:
            return held
        _check_optimizer(optimizer)
        other = cls.__new__(cls)
        vars(other).update(vars(held), _optimizer=optimizer)
        # What trains depends on who trains it.
        vars(other).pop("recipe", None)
        return other

    @property
    def optimizer(self) -> Any:
        """The optimizer, or None where there is none."""
        return self._optimizer or getattr(self.model, "optimizer", None)

    @property
    def optimizers(self) -> dict[str, Any]:
        """Every optimizer that trains the model, by attribute; `optimizer` is "".

        A class of the caller's may hold several, as a GAN does. In a loop with an
        optimizer of its own it is that one alone.
        """
        if self._optimizer not in (None, getattr(self.model, "optimizer", None)):
            return {"": self._optimizer}
        return compat.optimizers_of(self.model)

    @property
    def keras_order(self) -> list[int]:
        """Positions of `weights` as Keras lists them now, what does not train last."""
        return listed_by_keras(self.model, self.weights)

    def places(self, listed: Sequence[Listed]) -> list[int]:
        """For each of `weights` its position in a stored list of the same weights.

        Args:
            listed: as many weights as the network has; see `orders.places`.
        """
        return orders.places(self.weights, self.keras_order, listed)

    def require_masks(self) -> Network:
        """The network itself.

        Raises:
            LotteryError: no weight is held on a mask: the model is not wrapped.
        """
        if not self.pruned:
            raise LotteryError(
                f"model {self.model.name!r} holds no weight on a mask: wrap it first, "
                "model = lth.wrap(model), or lth.hold(model) where it is of a class of "
                "your own."
            )
        return self

    def require_complete(self) -> Network:
        """The network itself.

        Raises:
            LotteryError: the model has made weights since, which theta_0 lacks.
        """
        if not compat.is_functional(self.model):
            known = {id(raw_variable(weight.variable)) for weight in self.weights}
            for weight in weights_of(self.model):
                if id(raw_variable(weight.variable)) not in known:
                    raise LotteryError(
                        f"{weight.path} of {self.model.name!r} was made in its first "
                        "train step, after theta_0 was taken: make it in __init__ or "
                        "build, before lth.hold."
                    )
        return self

    @functools.cached_property
    def pruned(self) -> tuple[Weight, ...]:
        """The weights that are pruned; none where the model is not wrapped."""
        return tuple(w for w in self.held if w.is_pruned)

    @functools.cached_property
    def held(self) -> tuple[Weight, ...]:
        """The pruned weights, and those that go with their outputs: all on masks."""
        return tuple(w for w in self.weights if w.mask is not None)

    @functools.cached_property
    def learned(self) -> tuple[Weight, ...]:
        """The scores that train in place of weights; no part of what is found."""
        return tuple(scores_of(self.model))

    @functools.cached_property
    def recipe(self) -> Recipe:
        """How the model is pruned, with a rate for each of `pruned`.

        What does not train as the model is, frozen after it was wrapped, is at rate 0:
        zeros in it could not be made up for.

        Raises:
            LotteryError: the model was not wrapped by `lth.wrap`.
        """
        self.require_masks()
        if not all(hasattr(weight.wrapper, "recipe") for weight in self.pruned):
            raise LotteryError(
                f"model {self.model.name!r} was wrapped by stock tfmot, which prunes "
                "by its own schedule: wrap strip_pruning(model) with lth.wrap instead."
            )
        recipe = Recipe.joined(weight.wrapper.recipe for weight in self.pruned)
        training = self._training
        rates = (
            rate if id(raw_variable(weight.variable)) in training else 0.0
            for weight, rate in zip(self.pruned, recipe.rates, strict=True)
        )
        return dataclasses.replace(recipe, rates=tuple(rates))

    @property
    def _training(self) -> set[int]:
        """Identities of the raw variables that the next training would change."""
        if self._optimizer is not None and self._optimizer is not getattr(
            self.model, "optimizer", None
        ):
            return trainable_in(self.model)  # A loop of the caller's own.
        with compat.as_compiled(self.model):
            return trainable_in(self.model)

    def require_trainable(self) -> Network:
        """The network itself.

        Raises:
            LotteryError: no weight is on a mask, or none of those that are trains.
        """
        if not any(self.recipe.rates):
            raise LotteryError(
                f"all weights of {self.model.name!r} that are on masks are frozen "
                "(trainable=False), and frozen weights are not pruned: set "
                "layer.trainable = True, and compile the model again."
            )
        return self

    @property
    def round(self) -> int:
        """Rounds so far, as far as the numbers of weights that are left tell.

        Raises:
            LotteryError: as many weights as are left are after no round.
        """
        recipe, tensors = self.recipe, self.tensors
        if round_rates.rounds(recipe.rates) is None:
            return 0  # All rounds are alike.
        found = recipe.rounds_done(self.masks, tensors)
        if found is None:
            raise LotteryError(
                "the rates differ by round, and no round leaves as many weights as "
                "this model has: say which level comes next, lth.prune(model, level=3)."
            )
        return found

    def check_levels(self, levels: int, before: int = 0) -> None:
        """Refuses levels that would leave a weight tensor empty; see `Recipe`."""
        if levels + before:
            self.require_trainable()
        self.recipe.check_levels(self.groups, levels, before)

    def with_rates(self, rates: Sequence[RoundRate]) -> Network:
        """The network, pruned at other rates than the model was wrapped with.

        Args:
            rates: of each of `pruned`.
        """
        other = self.__class__.__new__(self.__class__)
        recipe = dataclasses.replace(self.recipe, rates=tuple(rates))
        vars(other).update(vars(self), recipe=recipe)
        return other

    @property
    def groups(self) -> list[Group]:
        """What the recipe ranks together."""
        return self.recipe.groups(self.tensors)

    @property
    def tensors(self) -> list[Tensor]:
        """What granularities know of the pruned weights."""
        return [
            Tensor(w.path, w.kind, w.shape, getattr(w.wrapper, "tied", ""))
            for w in self.pruned
        ]

    @property
    def masks(self) -> list[np.ndarray]:
        """The present masks of the pruned weights, as boolean arrays."""
        return [weight.read_mask() for weight in self.pruned]

    @property
    def density(self) -> float:
        """P_m over the pruned weights, in (0, 1].

        Raises:
            LotteryError: the model is not wrapped.
        """
        return masks.density(self.require_masks().masks)

    @property
    def slots(self) -> list[Slot]:
        """The optimizers' variables that belong to one weight.

        Empty before the optimizers are built.
        """
        return [
            Slot(weight, name, variable, optimizer)
            for optimizer in self.optimizers.values()
            for weight in (*self.weights, *self.learned)
            for name, variable in compat.optimizer_slots(
                optimizer, weight.variable
            ).items()
        ]


def _check_optimizer(optimizer: Any) -> None:
    if optimizer is not None and not compat.is_optimizer(optimizer):
        raise LotteryError(
            f"optimizer={shown(optimizer)} is no optimizer of tf_keras: pass the one "
            "that trains the model, such as keras.optimizers.Adam()."
        )
