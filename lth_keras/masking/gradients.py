"""Mean gradients of the loss at the present weights, for criteria that read them.

And products of its Hessian with a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import gradient_data
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen
from lth_keras.masking.weight import Weight

# Where layers compute in float16: what Keras's LossScaleOptimizer begins with.
_FLOAT16_SCALE = 2.0**15

_MISFITS = (
    TypeError,
    ValueError,
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
)

Arrays = Sequence[np.ndarray]
_Gradients = Callable[[Any, float], list[np.ndarray]]


def mean_gradients(network: Network, data: Any) -> list[np.ndarray]:
    """The gradient of the mean loss over `data` by each pruned weight.

    The model computes as in evaluation: no dropout, moving statistics. Its weights
    stay; its metrics, and the states of stateful recurrent layers, are reset, also
    where an error is raised. Losses that layers add (regularisers) are part of the
    loss. Pruned entries have no gradient; frozen layers have one as all others.

    The mean is over examples. For losses of reduction "sum" it is over batches: each
    example counts alike too, and a regulariser as it does in training. A
    `compute_loss` of one's own counts as a mean over the batch.

    Where layers compute in float16 the loss is scaled by a power of two, so that small
    gradients do not vanish, and by less from the batch on where that overflows.

    Args:
        network: of a wrapped, compiled model.
        data: (x, y) or (x, y, sample_weight) as arrays, or batches of these.

    Returns:
        One float32 array per pruned weight, in its shape, in the order of
        `network.pruned`; where filters are ranked by scales, the scale's own, for
        every weight of its filter.

    Raises:
        LotteryError: the model is not compiled, its losses have reduction "none" or
            several, or the data are none, without an end, or do not fit.
    """
    return MeanGradients(network)(data)


def hessian_products(network: Network, data: Any, vectors: Arrays) -> list[np.ndarray]:
    """The Hessian of the mean loss over `data`, by the pruned weights, times a vector.

    Everything else is as in `mean_gradients`; entries that are pruned have no part in
    it, in the vector either.

    Args:
        network: of a wrapped, compiled model.
        data: as in `mean_gradients`; batches must come again as they came before.
        vectors: one array per pruned weight, in its shape, which together are the
            vector.

    Returns:
        One float32 array per pruned weight.

    Raises:
        LotteryError: as `mean_gradients`.
    """
    return MeanGradients(network, vectors)(data)


class MeanGradients:
    """What `mean_gradients` is at several moments: one trace serves all of them.

    Args:
        network: as of `mean_gradients`.
        vectors: as of `hessian_products`, or None for the gradients themselves.

    Raises:
        LotteryError: the model is not compiled, or has losses of no one mean.
    """

    def __init__(self, network: Network, vectors: Arrays | None = None):
        self._model, self._seen = network.model, Seen(network)
        if getattr(self._model, "compiled_loss", None) is None:
            raise LotteryError(
                "the model is not compiled, and gradients are of its loss: call "
                "model.compile first."
            )
        _check_loss(self._model)
        self._summing = _sums_over_batch(self._model)
        if vectors is not None:
            vectors = self._seen.gathered(vectors)
        weights = self._seen.weights
        self._gradients = _gradient_function(
            self._model, weights, self._summing, vectors
        )
        self._scale = _loss_scale(self._model)

    def __call__(self, data: Any) -> list[np.ndarray]:
        """The mean over `data`, at the present weights and masks."""
        model, scale = self._model, self._scale
        total = 0.0
        sums = [np.zeros(weight.shape, np.float64) for weight in self._seen.weights]
        _reset(model)
        try:
            for given in gradient_data.batches(data):
                batch, size = gradient_data.checked(model, given)
                found = self._gradients(batch, scale)
                while scale > 1 and not all(np.isfinite(g).all() for g in found):
                    scale /= 2
                    found = self._gradients(batch, scale)
                share = 1 if self._summing else size
                total += share
                for held, gradient in zip(sums, found, strict=True):
                    held += np.float32(share) * gradient
        finally:
            _reset(model)
        if not total:
            raise LotteryError(
                "data= has no batch: pass (x, y) or a Dataset that can begin again."
            )
        means = [(held / total).astype(np.float32) for held in sums]
        return self._seen.spread(means)


def _check_loss(model: keras.Model) -> None:
    """Refuses a loss that nothing but a `train_step` knows."""
    hidden = compat.has_own_training(model) and not compat.has_own_loss(model)
    if hidden and not model.loss:
        raise LotteryError(
            f"{type(model).__qualname__} computes its loss in its train_step, and "
            "gradients are of compute_loss: write that method, or use a criterion that "
            "reads none."
        )


def _gradient_function(
    model: keras.Model,
    weights: Sequence[Weight],
    summing: bool,
    vectors: Arrays | None,
) -> _Gradients:
    """A function (batch, loss scale) -> gradient of the batch's loss by each weight.

    With vectors it is the gradient's own gradient along them.
    """
    variables = [compat.raw_variable(weight.variable) for weight in weights]
    strategy = model.distribute_strategy
    replicas = strategy.num_replicas_in_sync

    def loss_of(batch: Any, scale: Any) -> Any:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        loss = model.compute_loss(x, y, model(x, training=False), sample_weight)
        if summing and replicas > 1 and model.losses:
            # Keras divides regularisers by the number of replicas, but no sum.
            loss += (1 - 1 / replicas) * tf.add_n(model.losses)
        return scale * tf.cast(loss, tf.float32)

    def of_replica(batch: Any, scale: Any) -> list[Any]:
        with tf.GradientTape() as again, tf.GradientTape() as tape:
            found = _gradient(tape, loss_of(batch, scale), variables)
            if vectors is None:
                return found
            along = tf.add_n(
                [tf.reduce_sum(g * v) for g, v in zip(found, vectors, strict=True)]
            )
        return _gradient(again, along, variables)

    # Metrics of a distributed model are updated in a replica only. Each gets the
    # whole batch, so that one of them knows the gradient.
    @tf.function(reduce_retracing=True)
    def of_all(batch: Any, scale: Any) -> list[Any]:
        return strategy.run(of_replica, args=(batch, scale))

    def gradients(batch: Any, scale: float) -> list[np.ndarray]:
        try:
            found = of_all(batch, tf.constant(scale))
        except _MISFITS as error:
            raise LotteryError(
                "data= does not fit the model or its loss: "
                f"{gradient_data.reason(error)}"
            ) from error
        factor = np.float32((1 if summing else replicas) / scale)
        local = [strategy.experimental_local_results(each)[0] for each in found]
        return [factor * each.numpy() for each in local]

    return gradients


def _gradient(tape: tf.GradientTape, target: Any, variables: Any) -> list[Any]:
    found = tape.gradient(
        target, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return [tf.cast(tf.convert_to_tensor(g), tf.float32) for g in found]


def _sums_over_batch(model: keras.Model) -> bool:
    """Whether the losses are sums over a batch, not means."""
    losses = [loss for loss in tf.nest.flatten(model.loss) if loss is not None]
    found = {getattr(loss, "reduction", "auto") for loss in losses}
    if "none" in found or ("sum" in found and len(found) > 1):
        raise LotteryError(
            f"the losses have reduction {' and '.join(sorted(found))}, of which there "
            "is no one mean: compile the model with 'sum_over_batch_size' for all, or "
            "'sum' for all."
        )
    return found == {"sum"}


def _loss_scale(model: keras.Model) -> float:
    layers = compat.layers_within(model)
    half = any(layer.compute_dtype == "float16" for layer in layers)
    return _FLOAT16_SCALE if half else 1.0


def _reset(model: keras.Model) -> None:
    model.reset_metrics()
    if model.stateful:
        model.reset_states()
