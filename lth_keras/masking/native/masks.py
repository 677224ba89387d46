"""The mask of one weight of a Keras 3 model: on the host, and in its optimizers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
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

    def hold_frozen(self) -> None:
        """Refuses what only tf_keras layers can do.

        Raises:
            LotteryError: always.
        """
        raise LotteryError(
            "pruned weights of a Keras 3 model are zero, and cannot be frozen at other "
            "values: convert it, lth.from_keras3(model), and search that."
        )

    def drop_frozen(self) -> None:
        """Does nothing: none is frozen."""


class Mask:
    """The mask of one weight.

    Args:
        variable: the weight.
        layer: what it has in common with the others of its layer.

    Attributes:
        value: booleans of the shape of the weight, True where it is kept.
    """

    def __init__(self, variable: Any, layer: MaskedLayer):
        self.variable, self.layer = variable, layer
        self.value = np.ones(tuple(variable.shape), bool)
        # By the identity of the optimizer: True where the weight is pruned.
        self._pruned: dict[int, Any] = {}

    def assign(self, mask: np.ndarray) -> None:
        """Sets the mask, here and in the optimizers."""
        self.value = np.array(mask, bool)
        for variable in self._pruned.values():
            variable.assign(~self.value)

    def pruned_in(self, optimizer: Any) -> Any:
        """The optimizer's variable of what is pruned; None before it is built."""
        return self._pruned.get(id(optimizer))

    def put_in(self, optimizer: Any) -> None:
        """Makes the variable in a built optimizer, unless it is there."""
        if id(optimizer) not in self._pruned:
            place = len(optimizer.variables)
            self._pruned[id(optimizer)] = optimizer.add_variable(
                self.value.shape, self._initial, dtype="bool", name=f"pruned_{place}"
            )

    def take_from(self, optimizer: Any) -> None:
        """Takes the variable out of an optimizer again."""
        variable = self._pruned.pop(id(optimizer), None)
        if variable is not None:
            compat.keras3_untrack(optimizer, [variable])

    def _initial(self, shape: Any, dtype: Any = None) -> Any:
        return compat.keras3().ops.convert_to_tensor(~self.value, dtype=dtype)
