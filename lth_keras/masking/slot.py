"""A variable of an optimizer that belongs to one weight.

What is read and written by other means, as of Keras 3, is a class below this one.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.weight import Weight


@dataclasses.dataclass(frozen=True)
class Slot:
    """A variable of an optimizer that belongs to one weight.

    Attributes:
        weight: the weight.
        name: of the slot in its optimizer.
        variable: the variable.
        optimizer: whose it is.
    """

    weight: Weight
    name: str
    variable: Any
    optimizer: Any

    @property
    def is_average(self) -> bool:
        """Whether it is the moving average of the weight itself (use_ema)."""
        return compat.is_average_slot(self.name)

    @property
    def start(self) -> float:
        """What its entries are before the first step; of averages where pruned."""
        if self.is_average:
            return 0.0
        return compat.accumulator_start(self.optimizer, self.name)

    @property
    def by_entry(self) -> bool:
        """Whether each of its entries is that of one entry of the weight."""
        if tuple(self.variable.shape) != self.weight.shape:
            return False
        return self.is_average or not self._is_factored

    @property
    def _is_factored(self) -> bool:
        """Whether moments mix entries of rows and columns, in slots of any shape."""
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return isinstance(inner, keras.optimizers.Adafactor)

    def read(self) -> np.ndarray:
        """The value."""
        return np.asarray(keras.backend.get_value(self.variable))

    def view(self) -> np.ndarray:
        """The value to be read at once, without a copy where that can be."""
        return compat.view(self.variable)

    def write(self, value: np.ndarray) -> None:
        """Sets the value."""
        self.variable.assign(value)
