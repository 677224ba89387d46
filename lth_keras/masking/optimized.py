"""The optimizers of a model, and their variables: the half of a network that trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from lth_keras.masking.slot import Slot
from lth_keras.masking.weight import Weight


class Optimized(ABC):
    """A model with the optimizers that train it.

    Attributes:
        model: the model.
        weights: every weight of the network.
    """

    model: Any
    weights: tuple[Weight, ...]
    _optimizer: Any

    @property
    def learned(self) -> tuple[Weight, ...]:
        """The scores that train in place of weights; no part of what is found."""
        return ()

    @property
    def optimizer(self) -> Any:
        """The optimizer, or None where there is none."""
        return self._optimizer or getattr(self.model, "optimizer", None)

    @property
    def _own_loop(self) -> bool:
        """Whether an optimizer trains it that the model is not compiled with."""
        return self._optimizer not in (None, getattr(self.model, "optimizer", None))

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """Every optimizer that trains the model, by attribute; `optimizer` is "".

        A class of the caller's may hold several, as a GAN does. In a loop with an
        optimizer of its own it is that one alone.
        """
        return {"": self._optimizer} if self._own_loop else self._optimizers_held

    @property
    @abstractmethod
    def _optimizers_held(self) -> Mapping[str, Any]:
        """Those that the model itself has, by attribute."""

    @property
    def slots(self) -> list[Slot]:
        """The optimizers' variables that belong to one weight.

        Empty before the optimizers are built.
        """
        self.sync()
        return [
            slot
            for optimizer in self.optimizers.values()
            for weight in (*self.weights, *self.learned)
            for slot in self._slots_of(optimizer, weight)
        ]

    @abstractmethod
    def _slots_of(self, optimizer: Any, weight: Weight) -> list[Slot]:
        """The variables of one optimizer that belong to a weight."""

    @property
    @abstractmethod
    def every_slot(self) -> list[Any]:
        """The optimizers' variables that belong to any one weight, of any model."""

    @property
    @abstractmethod
    def iterations(self) -> list[Any]:
        """The variable of each optimizer that counts its steps."""

    def optimizer_variables(self) -> dict[str, Any]:
        """Every variable of the optimizers, which are built if need be, by its path.

        A further optimizer's has its name before it.
        """
        self.sync()
        return {
            (f"{name}: " if name else "") + path: variable
            for name, optimizer in self.optimizers.items()
            for path, variable in self._variables_of(optimizer).items()
        }

    @abstractmethod
    def _variables_of(self, optimizer: Any) -> dict[str, Any]:
        """Every variable of one optimizer, which is built if need be, by its path."""

    @abstractmethod
    def align_counts(self) -> None:
        """Lets what the optimizers count beside variables follow these."""

    @abstractmethod
    def read(self, variable: Any) -> np.ndarray:
        """The value of a variable of an optimizer."""

    @abstractmethod
    def assign(self, variable: Any, value: np.ndarray) -> None:
        """Sets a variable of an optimizer."""

    @abstractmethod
    def dtype_of(self, variable: Any) -> np.dtype:
        """The dtype of a variable of an optimizer."""

    @abstractmethod
    def check_optimizer(self, optimizer: Any) -> None:
        """Refuses what is no optimizer of the model's Keras; None is none at all.

        Raises:
            LotteryError: says what one is.
        """

    def sync(self) -> None:
        """Brings what a running `fit` has trained into the variables, as of JAX."""
        return None

    def unshare(self) -> None:
        """Lets no two variables share an array at the end of a `fit`, as on JAX."""
        return None
