"""The network of a Keras 3 model, on any backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError, shown
from lth_keras.masking.contexts import NetworkContext
from lth_keras.masking.native import heads
from lth_keras.masking.native.flows import Flow
from lth_keras.masking.native.gradients import MeanGradients
from lth_keras.masking.native.held import HeldModel
from lth_keras.masking.native.slots import Keras3Slot
from lth_keras.masking.native.weights import owned, weights_of
from lth_keras.masking.network import Network
from lth_keras.masking.slot import Slot
from lth_keras.masking.weight import Weight


class Keras3Network(Network):
    """The weights of a built Keras 3 model.

    Args:
        model: a built model, held on masks or not.
        optimizer: the optimizer of a loop of your own, which holds the masks from now
            on; the compiled one by default.

    Raises:
        LotteryError: it has no weights yet, or the optimizer is none.
    """

    def __init__(self, model: Any, optimizer: Any = None):
        self.check_optimizer(optimizer)
        held = HeldModel.of(model)
        self.model = model
        self.weights = tuple(weights_of(model, {} if held is None else held.masks))
        self._optimizer = optimizer
        if held is not None:
            held.attach(optimizer)

    @property
    def _optimizers_held(self) -> dict[str, Any]:
        return compat.keras3_optimizers_of(self.model)

    @property
    def keras_order(self) -> list[int]:
        return list(range(len(self.weights)))

    @property
    def _how_to_mask(self) -> str:
        return "hold it first, lth.hold(model)"

    @property
    def off_masks(self) -> str:
        return (
            "an optimizer that no act was given, or an update that is no optimizer's, "
            "does not hold the masks (lth.capture(model, optimizer) lets one); "
        )

    @property
    def graph(self) -> compat.Graph | None:
        return compat.keras3_graph(self.model)

    def key_of(self, variable: Any) -> int:
        return id(variable)

    def _made_since(self) -> str | None:
        known = {weight.key for weight in self.weights}
        found = (each.variable for each in owned(self.model))
        return next((v.path for v in found if id(v) not in known), None)

    @property
    def _training(self) -> set[int]:
        return {id(variable) for variable in self.model.trainable_variables}

    def _slots_of(self, optimizer: Any, weight: Weight) -> list[Slot]:
        return [
            Keras3Slot(weight, name, variable, part)
            for part in compat.keras3_parts(optimizer)
            for name, variable in compat.keras3_slots(part, weight.variable).items()
        ]

    @property
    def every_slot(self) -> list[Any]:
        return [
            slot
            for optimizer in self.optimizers.values()
            for slot in compat.keras3_every_slot(optimizer)
        ]

    @property
    def iterations(self) -> list[Any]:
        return [compat.keras3_iterations(each) for each in self.optimizers.values()]

    def _variables_of(self, optimizer: Any) -> dict[str, Any]:
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        held = HeldModel.of(self.model)
        masks = [] if held is None else held.mask_variables(optimizer)
        others = {id(variable) for variable in (*self.model.variables, *masks)}
        return compat.keras3_optimizer_variables(optimizer, others)

    def align_counts(self) -> None:
        """Does nothing: Keras 3 counts in variables alone."""

    def read(self, variable: Any) -> np.ndarray:
        self.sync()
        return compat.keras3_read(variable)

    def assign(self, variable: Any, value: np.ndarray) -> None:
        self.sync()
        variable.assign(np.array(value, self.dtype_of(variable)))

    def dtype_of(self, variable: Any) -> np.dtype:
        return compat.keras3_dtype(variable)

    def check_optimizer(self, optimizer: Any) -> None:
        if optimizer is not None and not compat.is_keras3_optimizer(optimizer):
            raise LotteryError(
                f"optimizer={shown(optimizer)} is no optimizer of Keras 3: pass the "
                "one that trains the model, such as keras.optimizers.Adam(); updates "
                "by optax, torch.optim or by hand do not hold masks."
            )

    def hold_frozen(self) -> None:
        for weight in self.pruned:
            if weight.frozen is None:
                weight.freeze(np.zeros(weight.shape))
        self._put_frozen()

    def drop_frozen(self) -> None:
        for weight in self.pruned:
            value = weight.read()
            weight.mask.frozen = None
            weight.write(value)
        self._put_frozen()

    def _put_frozen(self) -> None:
        if (held := HeldModel.of(self.model)) is not None:
            held.put_frozen()

    def forget_traces(self) -> None:
        compat.keras3_forget_traces(self.model)

    def head(self) -> set[int]:
        return heads.places(self.model, self.weights)

    def mean_gradients(self, data: Any) -> list[np.ndarray]:
        return MeanGradients(self)(data)

    def hessian_products(
        self, data: Any, vectors: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        return MeanGradients(self, vectors)(data)

    def flow(self) -> Flow:
        return Flow(self)

    def context(
        self,
        initial: Sequence[np.ndarray] | None,
        data: Any,
        rng: np.random.Generator,
    ) -> NetworkContext:
        return NetworkContext(self, initial, data, rng)

    def sync(self) -> None:
        compat.keras3_sync(self.model)

    def unshare(self) -> None:
        # On JAX the averages of use_ema share arrays with the weights at the end of a
        # fit, and the next compiled step, which is given both for good, would fail.
        if compat.keras3_backend() == "jax":
            for variable in self.optimizer_variables().values():
                variable.assign(compat.keras3_read(variable))
