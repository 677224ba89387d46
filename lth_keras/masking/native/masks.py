"""The mask of one weight of a Keras 3 model: on the host, and in its optimizers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class MaskedLayer:
    """What the weights of one layer have in common; a wrapper is that on tf_keras.

    Attributes:
        name: of the layer.
        recipe: how the weights are pruned, with one rate for all.
    """

    name: str
    recipe: Recipe
    tied: str = ""
    left_dense: frozenset[int] = frozenset()

    @property
    def rate(self) -> RoundRate:
        """Share of these weights' survivors pruned per round."""
        return self.recipe.rates[0]


class Mask:
    """The mask of one weight.

    Args:
        variable: the weight.
        layer: what it has in common with the others of its layer.
        follows: where it is that of other weights' filters, the keys of these.

    Attributes:
        value: booleans of the shape of the weight, True where it is kept.
        frozen: values that pruned entries have instead of zero, zero where the weight
            is kept; or None. They stand in the weight, and in its moving average.
    """

    def __init__(
        self, variable: Any, layer: MaskedLayer, follows: list[int] | None = None
    ):
        self.variable, self.layer, self.follows = variable, layer, follows
        self.value = np.ones(tuple(variable.shape), bool)
        self.frozen: np.ndarray | None = None
        # By the identity of the optimizer: True where the weight is pruned.
        self._pruned: dict[int, Any] = {}
        self._frozen: dict[int, Any] = {}

    def assign(self, mask: np.ndarray) -> None:
        """Sets the mask, here and in the optimizers."""
        self.value = np.array(mask, bool)
        for variable in self._pruned.values():
            variable.assign(~self.value)
        if self.frozen is not None:
            self.freeze(np.where(self.value, 0, self.frozen))

    def freeze(self, values: np.ndarray) -> None:
        """Sets the values of pruned entries, here and in the optimizers."""
        self.frozen = np.array(values, compat.keras3_dtype(self.variable))
        for variable in self._frozen.values():
            variable.assign(self.frozen)

    def sparse(self, value: np.ndarray) -> np.ndarray:
        """What the weight, or its average, would be were nothing frozen.

        Zero where it is pruned, unless something has written there.
        """
        if self.frozen is None:
            return value
        return np.where(self.value, value, value - self.frozen).astype(value.dtype)

    def whole(self, value: np.ndarray) -> np.ndarray:
        """A sparse value with what is frozen in it."""
        if self.frozen is None:
            return value
        return np.where(self.value, value, self.frozen).astype(value.dtype)

    def pruned_in(self, optimizer: Any) -> Any:
        """The optimizer's variable of what is pruned; None before it is built."""
        return self._pruned.get(id(optimizer))

    def frozen_in(self, optimizer: Any) -> Any:
        """The optimizer's variable of frozen values; None where there are none."""
        return self._frozen.get(id(optimizer))

    def put_in(self, optimizer: Any) -> None:
        """Makes the variables in a built optimizer, unless they are there."""
        place = len(optimizer.variables)
        if id(optimizer) not in self._pruned:
            self._pruned[id(optimizer)] = optimizer.add_variable(
                self.value.shape, self._initial, dtype="bool", name=f"pruned_{place}"
            )
        if self.frozen is not None and id(optimizer) not in self._frozen:
            made = optimizer.add_variable(
                self.value.shape, dtype=self.variable.dtype, name=f"frozen_{place}"
            )
            made.assign(self.frozen)
            self._frozen[id(optimizer)] = made

    def take_from(self, optimizer: Any) -> None:
        """Takes the variables out of an optimizer again."""
        self._take(self._pruned, optimizer)
        self._take(self._frozen, optimizer)

    def take_frozen_from(self, optimizer: Any) -> None:
        """Takes what is frozen out of an optimizer again."""
        self._take(self._frozen, optimizer)

    def _take(self, held: dict[int, Any], optimizer: Any) -> None:
        if (variable := held.pop(id(optimizer), None)) is not None:
            compat.keras3_untrack(optimizer, [variable])

    def _initial(self, shape: Any, dtype: Any = None) -> Any:
        return compat.keras3().ops.convert_to_tensor(~self.value, dtype=dtype)
