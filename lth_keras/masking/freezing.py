"""What in a wrapper holds the values that pruned weights are frozen at."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.variables import MaskedVariable

_NAME = "frozen"


class FreezesPruned:
    """What a wrapper is made of whose pruned weights may be frozen at values.

    `_proxies` are its masked reads, one for each of `pruning_vars`; `_frozen` the
    tensors that they add, none or as many.
    """

    pruning_vars: list[tuple[Any, Any, Any]]
    add_weight: Any
    _proxies: list[MaskedVariable]
    _frozen: list[Any]
    _own_weight_names: dict[str, int]

    def hold_frozen(self) -> None:
        """Makes the tensors, of zeros, unless they are there."""
        for index in range(len(self._frozen), len(self.pruning_vars)):
            mask = self.pruning_vars[index][1]
            self._frozen.append(
                self.add_weight(
                    _NAME,
                    shape=mask.shape,
                    initializer=keras.initializers.get("zeros"),
                    dtype=mask.dtype,
                    trainable=False,
                    aggregation=mask.aggregation,
                )
            )
            self._proxies[index].frozen = self._frozen[index]

    def drop_frozen(self) -> None:
        """Removes the tensors: the reads are what they were."""
        compat.forget_weights(self, self._frozen)
        self._frozen.clear()
        self._own_weight_names.pop(_NAME, None)
        for proxy in self._proxies:
            proxy.frozen = None

    def read_frozen(self) -> list[Any]:
        """The values by which pruned weights are frozen, or None for each."""
        if not self._frozen:
            return [None] * len(self.pruning_vars)
        return [variable.numpy() for variable in self._frozen]

    def frozen_of(self, variable: Any) -> Any:
        """The tensor that belongs to one of the pruned weights, or None."""
        raw = compat.raw_variable(variable)
        found = (
            self._frozen[index]
            for index, (weight, _, _) in enumerate(self.pruning_vars)
            if index < len(self._frozen) and compat.raw_variable(weight) is raw
        )
        return next(found, None)
