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
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking import host, orders
from lth_keras.masking.optimized import Optimized
from lth_keras.masking.orders import Listed
from lth_keras.masking.weight import Weight
from lth_keras.pruning import masks, round_rates
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.groups import Group
from lth_keras.pruning.recipe import Recipe

# A model, of either Keras, or its network.
Held = Union[Any, "Network"]


class Network(Optimized):
    """The weights of a built model, in an order that no `trainable` changes.

    Made by `of`: wrapped layers and masks in place of tf_keras are found by
    `TfKerasNetwork`, those of Keras 3 by `Keras3Network`.

    Attributes:
        model: the model.
        weights: every weight of the network, in the order that tf_keras has if all of
            it trains.
    """

    @classmethod
    def of(cls, held: Held, optimizer: Any = None) -> Network:
        """The network of a model, or the one that is given.

        Args:
            held: a built model of either Keras, on masks or not, or its network.
            optimizer: the optimizer of a loop of your own; the compiled one by
                default, also where the model is compiled later.

        Raises:
            LotteryError: it is no model or has no weights yet, or the optimizer is
                none.
        """
        if not isinstance(held, Network):
            found: Network = host.of(held).network(held, optimizer)
            return found
        if optimizer is None or optimizer is held.optimizer:
            return held
        held.check_optimizer(optimizer)
        other = object.__new__(type(held))
        vars(other).update(vars(held), _optimizer=optimizer)
        # What trains depends on who trains it.
        vars(other).pop("recipe", None)
        return other

    @property
    @abstractmethod
    def keras_order(self) -> list[int]:
        """Positions of `weights` as Keras lists them now, what does not train last."""

    @property
    @abstractmethod
    def _training(self) -> set[int]:
        """Keys of the weights that the next training would change."""

    @property
    @abstractmethod
    def graph(self) -> compat.Graph | None:
        """The model as calls of layers, without wrappers; None where it is no graph."""

    @property
    def leads(self) -> list[tuple[Weight, list[Weight]]]:
        """What goes with filters, each with the kernels of these filters.

        Raises:
            LotteryError: a batch normalisation follows a layer that is not there.
        """
        kernels = {weight.key: weight for weight in self.pruned}
        return [
            (weight, [kernels[key] for key in weight.follows])
            for weight in self.held
            if weight.follows is not None
        ]

    @abstractmethod
    def key_of(self, variable: Any) -> int:
        """The key of the weight that a layer holds as `variable`."""

    def require_complete(self) -> Network:
        """The network itself.

        Raises:
            LotteryError: the model has made weights since, which theta_0 lacks.
        """
        if (path := self._made_since()) is not None:
            raise LotteryError(
                f"{path} of {self.model.name!r} was made in its first train step, "
                "after theta_0 was taken: make it in __init__ or build, before "
                "lth.hold."
            )
        return self

    @abstractmethod
    def _made_since(self) -> str | None:
        """The path of a weight that the model has and the network lacks, or None."""

    @abstractmethod
    def hold_frozen(self) -> None:
        """Lets pruned weights be frozen at values; at zeros where they were not yet."""

    @abstractmethod
    def drop_frozen(self) -> None:
        """Lets pruned weights be zero again."""

    @abstractmethod
    def forget_traces(self) -> None:
        """Lets the functions that Keras has compiled for the model be made anew."""

    @abstractmethod
    def head(self) -> set[int]:
        """Positions of the weights of the last layers with a kernel.

        Raises:
            LotteryError: the model is no graph of layers.
        """

    @abstractmethod
    def mean_gradients(self, data: Any) -> list[np.ndarray]:
        """For criteria that read gradients: see `gradients.mean_gradients`."""

    @abstractmethod
    def hessian_products(
        self, data: Any, vectors: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Products of the loss's Hessian: see `gradients.hessian_products`."""

    @abstractmethod
    def flow(self) -> Callable[[], list[np.ndarray]]:
        """What gives the flow through each pruned weight: see `flows.Flow`."""

    @abstractmethod
    def context(
        self,
        initial: Sequence[np.ndarray] | None,
        data: Any,
        rng: np.random.Generator,
    ) -> Any:
        """What a criterion of the whole network reads: see `NetworkContext`."""

    @property
    def _how_to_mask(self) -> str:
        return (
            "wrap it first, model = lth.wrap(model), or lth.hold(model) where it is of "
            "a class of your own"
        )

    @property
    def off_masks(self) -> str:
        """How weights may have come off masks that are held in place, or ""."""
        return ""

    def reset_generators(self, seed: int) -> None:
        """Starts the random generator of each dropout-like layer afresh."""
        compat.trainer_of(self.model).reset_generators(self.model, seed)

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
                f"model {self.model.name!r} holds no weight on a mask: "
                f"{self._how_to_mask}."
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
            rate if weight.key in training else 0.0
            for weight, rate in zip(self.pruned, recipe.rates, strict=True)
        )
        return dataclasses.replace(recipe, rates=tuple(rates))

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
        other = object.__new__(type(self))
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
