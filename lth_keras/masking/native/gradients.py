"""Mean gradients of a Keras 3 model's loss, and products of its Hessian.

They are what `masking.gradients` gives of a tf_keras model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking import gradient_data
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen
from lth_keras.masking.weight import Weight

# Where layers compute in float16: what LossScaleOptimizer begins with.
_FLOAT16_SCALE = 2.0**15

Arrays = Sequence[np.ndarray]


class MeanGradients:
    """f(data) -> the gradient of the mean loss by each pruned weight.

    The model computes as in evaluation, and nothing of it is written. Entries that are
    pruned have no gradient; frozen layers have one as all others. Means are over
    examples, or batches for losses of reduction "sum", and float16 is scaled: all as
    `masking.gradients.mean_gradients` says.

    Args:
        network: of a held, compiled model.
        vectors: one array per pruned weight, which together are the vector that the
            Hessian is multiplied with; None for the gradients themselves.

    Raises:
        LotteryError: the model is not compiled, or has losses of no one mean.
    """

    def __init__(self, network: Network, vectors: Arrays | None = None):
        self._network, model = network, network.model
        self._seen = Seen(network)
        if not model.compiled:
            raise LotteryError(
                "the model is not compiled, and gradients are of its loss: call "
                "model.compile first."
            )
        _check_loss(model)
        self._summing = _sums_over_batch(model)
        half = any(
            getattr(layer, "compute_dtype", "") == "float16"
            for layer in compat.keras3_layers_within(model)
        )
        self._scale = _FLOAT16_SCALE if half else 1.0
        self._vectors = None if vectors is None else self._seen.gathered(vectors)
        self._function = _function(model, self._seen.weights, vectors is not None)

    def __call__(self, data: Any) -> list[np.ndarray]:
        """The mean over `data`, one float32 array per pruned weight, in its shape.

        Raises:
            LotteryError: the data are none, without an end, or do not fit.
        """
        network, scale = self._network, self._scale
        network.sync()
        compat.trainer_of(network.model).reset_states(network.model)
        convert = compat.keras3().ops.convert_to_tensor
        values = [convert(variable) for variable in network.model.variables]
        places = {id(v): i for i, v in enumerate(network.model.variables)}
        chosen = [values[places[weight.key]] for weight in self._seen.weights]
        masks = [weight.read_mask() for weight in self._seen.weights]
        total = 0.0
        vectors = None
        if self._vectors is not None:
            pairs = zip(self._vectors, masks, strict=True)
            vectors = [_tensor(np.float32(np.where(m, v, 0))) for v, m in pairs]
        sums = [np.zeros(mask.shape, np.float64) for mask in masks]
        for given in gradient_data.batches(data):
            batch, size = gradient_data.checked(network.model, given, _tensor)

            def found_at(scale: float, batch: Any = batch) -> list[np.ndarray]:
                at = _tensor(np.float32(scale))
                try:
                    found = self._function(chosen, vectors, values, batch, at)
                except compat.trainer_of(network.model).misfits as error:
                    raise LotteryError(
                        "data= does not fit the model or its loss: "
                        f"{gradient_data.reason(error)}"
                    ) from error
                arrays = [compat.keras3().ops.convert_to_numpy(g) for g in found]
                return [a.astype(np.float32) / np.float32(scale) for a in arrays]

            found = found_at(scale)
            while scale > 1 and not all(np.isfinite(g).all() for g in found):
                scale /= 2
                found = found_at(scale)
            share = 1 if self._summing else size
            total += share
            for held, gradient in zip(sums, found, strict=True):
                held += np.float32(share) * gradient
        if not total:
            raise LotteryError(
                "data= has no batch: pass (x, y) or a Dataset that can begin again."
            )
        pairs = zip(sums, masks, strict=True)
        means = [np.where(m, held / total, 0) for held, m in pairs]
        return self._seen.spread([mean.astype(np.float32) for mean in means])


def _function(model: Any, weights: Sequence[Weight], products: bool) -> Any:
    """f(these weights, vectors, all values, batch, loss scale) -> gradients."""
    ops = compat.keras3().ops
    at = {id(v): i for i, v in enumerate(model.variables)}
    places = [at[weight.key] for weight in weights]

    def loss(chosen: Any, _: Any, values: Any, batch: Any, scale: Any) -> Any:
        values = list(values)
        for place, value in zip(places, chosen, strict=True):
            values[place] = value
        return scale * ops.cast(compat.keras3_loss(model, values, *batch), "float32")

    once = compat.keras3_gradient(loss, again=products)

    def along(chosen: Any, vectors: Any, *rest: Any) -> Any:
        pairs = zip(once(chosen, vectors, *rest), vectors, strict=True)
        return sum(ops.sum(ops.cast(g, "float32") * vector) for g, vector in pairs)

    found = compat.keras3_gradient(along) if products else once
    return compat.keras3_traced(found, model)


def _check_loss(model: Any) -> None:
    """Refuses a loss that nothing but a `train_step` knows."""
    own = type(model).compute_loss is not compat.keras3().Model.compute_loss
    if compat.trainer_of(model).has_own_training(model) and not own and not model.loss:
        raise LotteryError(
            f"{type(model).__qualname__} computes its loss in its train_step, and "
            "gradients are of compute_loss: write that method, or use a criterion that "
            "reads none."
        )


def _sums_over_batch(model: Any) -> bool:
    """Whether the losses are sums over a batch, not means."""
    losses = compat.keras3().tree.flatten(model.loss)
    kinds = {getattr(each, "reduction", "") for each in losses if each is not None}
    found = {str(kind) for kind in kinds}
    if "none" in found or "None" in found or ("sum" in found and len(found) > 1):
        raise LotteryError(
            f"the losses have reduction {' and '.join(sorted(found))}, of which there "
            "is no one mean: compile the model with 'sum_over_batch_size' for all, or "
            "'sum' for all."
        )
    return found == {"sum"}


def _tensor(value: Any) -> Any:
    """What the backend computes with; of another's tensor, or of an array."""
    ops = compat.keras3().ops
    return value if ops.is_tensor(value) else ops.convert_to_tensor(np.asarray(value))
