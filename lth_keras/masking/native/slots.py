"""A variable of a Keras 3 optimizer that belongs to one weight."""

from __future__ import annotations

import numpy as np

from lth_keras import compat
from lth_keras.masking.slot import Slot


class Keras3Slot(Slot):
    """A variable of a Keras 3 optimizer that belongs to one weight."""

    @property
    def is_average(self) -> bool:
        return compat.keras3_is_average(self.name)

    @property
    def start(self) -> float:
        if self.is_average:
            return 0.0
        return compat.keras3_slot_start(self.optimizer, self.name)

    @property
    def _is_factored(self) -> bool:
        return compat.keras3_is_factored(self.optimizer)

    def read(self) -> np.ndarray:
        value = compat.keras3_read(self.variable)
        return self.weight.mask.sparse(value) if self._has_frozen else value

    def write(self, value: np.ndarray) -> None:
        value = self.weight.mask.whole(value) if self._has_frozen else value
        self.variable.assign(value)

    @property
    def _has_frozen(self) -> bool:
        return self.is_average and self.weight.frozen is not None
