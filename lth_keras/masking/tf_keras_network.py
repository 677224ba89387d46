"""The network of a tf_keras model: of wrapped layers, or of masks held in place."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras, raw_variable
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import heads
from lth_keras.masking import held as in_place
from lth_keras.masking.contexts import NetworkContext
from lth_keras.masking.gradients import mean_gradients
from lth_keras.masking.network import Network
from lth_keras.masking.slot import Slot
from lth_keras.masking.weight import Weight
from lth_keras.masking.weights import (
    listed_by_keras,
    scores_of,
    trainable_in,
    weights_of,
)


class TfKerasNetwork(Network):
    """The weights of a built tf_keras model.

    Args:
        model: a built model, wrapped or not.
        optimizer: the optimizer of a loop of your own; the compiled one by default,
            also where the model is compiled later.

    Raises:
        LotteryError: it is no tf_keras model or has no weights yet, or the optimizer
            is none.
    """

    def __init__(self, model: keras.Model, optimizer: Any = None):
        compat.require_tf_keras_model(model)
        self.check_optimizer(optimizer)
        self.model = model
        self.weights = tuple(weights_of(model))
        self._optimizer = optimizer

    @property
    def optimizers(self) -> dict[str, Any]:
        if self._optimizer not in (None, getattr(self.model, "optimizer", None)):
            return {"": self._optimizer}
        return compat.optimizers_of(self.model)

    @property
    def keras_order(self) -> list[int]:
        return listed_by_keras(self.model, self.weights)

    @functools.cached_property
    def learned(self) -> tuple[Weight, ...]:
        return tuple(scores_of(self.model))

    @property
    def off_masks(self) -> str:
        if not in_place.is_held(self.model):
            return ""
        return (
            "a step that was traced before lth.hold reads them without their masks "
            "(hold first, or trace it again); "
        )

    def require_complete(self) -> Network:
        if not compat.is_functional(self.model):
            known = {weight.key for weight in self.weights}
            for weight in weights_of(self.model):
                if weight.key not in known:
                    raise LotteryError(
                        f"{weight.path} of {self.model.name!r} was made in its first "
                        "train step, after theta_0 was taken: make it in __init__ or "
                        "build, before lth.hold."
                    )
        return self

    @property
    def _training(self) -> set[int]:
        if self._optimizer is not None and self._optimizer is not getattr(
            self.model, "optimizer", None
        ):
            return trainable_in(self.model)  # A loop of the caller's own.
        with compat.as_compiled(self.model):
            return trainable_in(self.model)

    @property
    def slots(self) -> list[Slot]:
        return [
            Slot(weight, name, variable, optimizer)
            for optimizer in self.optimizers.values()
            for weight in (*self.weights, *self.learned)
            for name, variable in compat.optimizer_slots(
                optimizer, weight.variable
            ).items()
        ]

    @property
    def every_slot(self) -> list[Any]:
        return [
            slot
            for optimizer in self.optimizers.values()
            for slot in compat.all_optimizer_slots(optimizer)
        ]

    @property
    def iterations(self) -> list[Any]:
        return [optimizer.iterations for optimizer in self.optimizers.values()]

    def optimizer_variables(self) -> dict[str, Any]:
        model = self.model
        others = {id(v) for v in model.weights}
        others |= {id(raw_variable(v)) for v in model.weights}
        found: dict[str, Any] = {}
        for name, optimizer in self.optimizers.items():
            with model.distribute_strategy.scope():
                compat.build_optimizer(optimizer, model.trainable_variables)
            prefix = f"{name}: " if name else ""
            variables = compat.optimizer_variables(optimizer, others)
            found.update((prefix + path, v) for path, v in variables.items())
        return found

    def align_counts(self) -> None:
        for optimizer in self.optimizers.values():
            compat.align_counts(optimizer)

    def read(self, variable: Any) -> np.ndarray:
        return np.asarray(keras.backend.get_value(variable))

    def assign(self, variable: Any, value: np.ndarray) -> None:
        variable.assign(value)

    def dtype_of(self, variable: Any) -> np.dtype:
        return np.dtype(variable.dtype.as_numpy_dtype)

    def check_optimizer(self, optimizer: Any) -> None:
        if optimizer is not None and not compat.is_optimizer(optimizer):
            raise LotteryError(
                f"optimizer={shown(optimizer)} is no optimizer of tf_keras: pass the "
                "one that trains the model, such as keras.optimizers.Adam()."
            )

    def head(self) -> set[int]:
        return heads.places(self)

    def mean_gradients(self, data: Any) -> list[np.ndarray]:
        return mean_gradients(self, data)

    def context(
        self,
        initial: Sequence[np.ndarray] | None,
        data: Any,
        rng: np.random.Generator,
    ) -> NetworkContext:
        return NetworkContext(self, initial, data, rng)
