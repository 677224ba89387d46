"""One weight of a model, with its owner and its mask.

What is read and written by other means, as of Keras 3, is a class below this one.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.pruning import masks


@dataclasses.dataclass(frozen=True)
class Weight:
    """One weight of a model.

    Attributes:
        layer: name of the innermost layer that owns it.
        kind: class name of that layer.
        name: name of the weight in that layer.
        variable: the variable itself.
        mask: the variable of its mask, or None where it is not prunable.
        wrapper: the pruning wrapper around it, or None.
        follows: where its mask is that of other weights' outputs, what these are
            known by: of wrapped layers names and places there, of masks in place keys;
            None for weights that are pruned by themselves.
    """

    layer: str
    kind: str
    name: str
    variable: Any
    mask: Any
    wrapper: Any
    follows: list[Any] | None = None

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def key(self) -> int:
        """Identity of the variable that its value is in."""
        return id(compat.raw_variable(self.variable))

    @property
    def is_pruned(self) -> bool:
        """Whether it is on a mask of its own, which rounds prune."""
        return self.mask is not None and self.follows is None

    @property
    def dtype(self) -> np.dtype:
        """The dtype it is stored in; of objects where it holds text."""
        return np.dtype(compat.raw_variable(self.variable).dtype.as_numpy_dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.variable.shape
        # Some preprocessing layers leave it open until they are adapted.
        return tuple(shape if shape.is_fully_defined() else self.read().shape)

    def read(self) -> np.ndarray:
        """A copy of the value, in the dtype it is stored in."""
        variable = compat.raw_variable(self.variable)
        return np.asarray(keras.backend.get_value(variable))

    def view(self) -> np.ndarray:
        """The value to be read at once, without a copy where that can be."""
        return compat.view(compat.raw_variable(self.variable))

    def write(self, value: np.ndarray) -> None:
        """Sets the value on every replica."""
        compat.raw_variable(self.variable).assign(value)

    def read_mask(self) -> np.ndarray:
        """The mask as a boolean array; all True where there is none."""
        if self.mask is None:
            return np.ones(self.shape, bool)
        return compat.view(self.mask) != 0

    @property
    def frozen(self) -> Any:
        """The variable of values that pruned entries are frozen at, or None."""
        find = getattr(self.wrapper, "frozen_of", None)
        return None if find is None or self.mask is None else find(self.variable)

    def read_frozen(self) -> np.ndarray | None:
        """The values that pruned entries are frozen at; None where none is."""
        frozen = self.frozen
        return None if frozen is None else np.asarray(keras.backend.get_value(frozen))

    def freeze(self, values: np.ndarray) -> None:
        """Freezes pruned entries at values, zero where the mask keeps.

        The network holds what they stand in: `Network.hold_frozen`.
        """
        self.frozen.assign(values.astype(self.frozen.dtype.as_numpy_dtype))

    def write_mask(self, mask: np.ndarray) -> None:
        """Sets the mask, and the weight to +0.0 where it prunes."""
        self.set_mask(mask)
        if (frozen := self.read_frozen()) is not None:
            self.frozen.assign(np.where(mask, 0, frozen))
        self.write(masks.apply(self.view(), mask))

    def set_mask(self, mask: np.ndarray) -> None:
        """Sets the mask alone; the weight is sparse already, or is written next."""
        self.mask.assign(np.asarray(mask, self.mask.dtype.as_numpy_dtype))
