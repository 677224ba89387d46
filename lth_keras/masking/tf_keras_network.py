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
from lth_keras.masking.flows import Flow
from lth_keras.masking.gradients import hessian_products, mean_gradients
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
    def _optimizers_held(self) -> dict[str, Any]:
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

    @property
    def graph(self) -> compat.Graph:
        return compat.graph(self.model)

    @property
    def leads(self) -> list[tuple[Weight, list[Weight]]]:
        if in_place.is_held(self.model):
            return super().leads
        found: list[tuple[Weight, list[Weight]]] = []
        # The nearest before it, where models inside a model use a name twice.
        latest: dict[str, list[Weight]] = {}
        for weight in self.held:
            if weight.is_pruned:
                name = weight.wrapper.name
                same = latest.get(name, [])
                if same and same[0].wrapper is not weight.wrapper:
                    same = []
                latest[name] = [*same, weight]
                continue
            lead = []
            for name, place in weight.follows or ():
                if name not in latest:
                    raise LotteryError(
                        f"{weight.path} goes with the filters of {name!r}, which the "
                        "model does not have on a mask: wrap the whole model at once."
                    )
                lead.append(latest[name][place])
            found.append((weight, lead))
        return found

    def key_of(self, variable: Any) -> int:
        return id(raw_variable(variable))

    def _made_since(self) -> str | None:
        if compat.is_functional(self.model):
            return None
        known = {weight.key for weight in self.weights}
        found = weights_of(self.model)
        return next((w.path for w in found if w.key not in known), None)

    @property
    def _training(self) -> set[int]:
        if self._own_loop:
            return trainable_in(self.model)
        with compat.as_compiled(self.model):
            return trainable_in(self.model)

    def _slots_of(self, optimizer: Any, weight: Weight) -> list[Slot]:
        found = compat.optimizer_slots(optimizer, weight.variable)
        return [Slot(weight, n, v, optimizer) for n, v in found.items()]

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

    def _variables_of(self, optimizer: Any) -> dict[str, Any]:
        model = self.model
        with model.distribute_strategy.scope():
            compat.build_optimizer(optimizer, model.trainable_variables)
        others = {id(v) for v in model.weights}
        others |= {id(raw_variable(v)) for v in model.weights}
        return compat.optimizer_variables(optimizer, others)

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

    def hold_frozen(self) -> None:
        with self.model.distribute_strategy.scope():
            for wrapper in self._wrappers:
                wrapper.hold_frozen()

    def drop_frozen(self) -> None:
        for wrapper in self._wrappers:
            wrapper.drop_frozen()

    def forget_traces(self) -> None:
        compat.forget_traces(self.model)

    @property
    def _wrappers(self) -> list[Any]:
        return list({id(w.wrapper): w.wrapper for w in self.pruned}.values())

    def head(self) -> set[int]:
        return heads.places(self)

    def mean_gradients(self, data: Any) -> list[np.ndarray]:
        return mean_gradients(self, data)

    def hessian_products(
        self, data: Any, vectors: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        return hessian_products(self, data, vectors)

    def flow(self) -> Flow:
        return Flow(self)

    def context(
        self,
        initial: Sequence[np.ndarray] | None,
        data: Any,
        rng: np.random.Generator,
    ) -> NetworkContext:
        return NetworkContext(self, initial, data, rng)
