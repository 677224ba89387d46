"""Mean gradients of the loss at the present weights, for criteria that read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network

_BATCH_SIZE = 128
# Where layers compute in float16: what Keras's LossScaleOptimizer begins with.
_FLOAT16_SCALE = 2.0**15
_WANTED = "pass (x, y), (x, y, sample_weight) or batches of these"

_MISFITS = (
    TypeError,
    ValueError,
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
)

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
        `network.pruned`.

    Raises:
        LotteryError: the model is not compiled, its losses have reduction "none" or
            several, or the data are none, without an end, or do not fit.
    """
    model = network.model
    if getattr(model, "compiled_loss", None) is None:
        raise LotteryError(
            "the model is not compiled, and gradients are of its loss: call "
            "model.compile first."
        )
    summing = _sums_over_batch(model)
    gradients, scale = _gradient_function(network, summing), _loss_scale(model)
    total, sums = 0.0, [np.zeros(w.shape, np.float64) for w in network.pruned]
    _reset(model)
    try:
        for given in _batches(data):
            batch, size = _checked(model, given)
            found = gradients(batch, scale)
            while scale > 1 and not all(np.isfinite(each).all() for each in found):
                scale /= 2
                found = gradients(batch, scale)
            share = 1 if summing else size
            total += share
            for held, gradient in zip(sums, found, strict=True):
                held += np.float32(share) * gradient
    finally:
        _reset(model)
    if not total:
        raise LotteryError(
            "data= has no batch: pass (x, y) or a Dataset that can begin again."
        )
    return [(held / total).astype(np.float32) for held in sums]


def _gradient_function(network: Network, summing: bool) -> _Gradients:
    """A function (batch, loss scale) -> gradient of the batch's loss by each weight."""
    model = network.model
    variables = [compat.raw_variable(weight.variable) for weight in network.pruned]
    strategy = model.distribute_strategy
    replicas = strategy.num_replicas_in_sync

    def of_replica(batch: Any, scale: Any) -> list[Any]:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=False), sample_weight)
            if summing and replicas > 1 and model.losses:
                # Keras divides regularisers by the number of replicas, but no sum.
                loss += (1 - 1 / replicas) * tf.add_n(model.losses)
            loss = scale * tf.cast(loss, tf.float32)
        found = tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return [tf.cast(tf.convert_to_tensor(g), tf.float32) for g in found]

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
                f"data= does not fit the model or its loss: {_reason(error)}"
            ) from error
        factor = np.float32((1 if summing else replicas) / scale)
        local = [strategy.experimental_local_results(each)[0] for each in found]
        return [factor * each.numpy() for each in local]

    return gradients


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


def _batches(data: Any) -> Iterable[Any]:
    if isinstance(data, tuple):
        return _cut(data)
    if isinstance(data, tf.data.Dataset):
        if int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise LotteryError(
                "data= is a Dataset without an end: say how many batches count, "
                "data=dataset.take(100)."
            )
        return data
    if isinstance(data, list) and any(hasattr(part, "shape") for part in data):
        raise LotteryError(
            "data= is a list of arrays: pass the tuple (x, y), or a list of batches."
        )
    if hasattr(data, "shape") or isinstance(data, (dict, str)):
        raise LotteryError(f"data= is one {type(data).__name__}: {_WANTED}.")
    if not isinstance(data, Iterable):
        raise LotteryError(f"data={data!r} holds no batches: {_WANTED}.")
    return data


def _cut(data: tuple[Any, ...]) -> Iterator[Any]:
    """The batches of arrays, in their order."""
    arrays = [_arrays(part) for part in data]
    size = _size(arrays)
    for begin in range(0, size, _BATCH_SIZE):
        end = begin + _BATCH_SIZE

        def cut(part: Any, begin: int = begin, end: int = end) -> Any:
            return None if part is None else part[begin:end]

        yield tuple(tf.nest.map_structure(cut, part) for part in arrays)


def _checked(model: keras.Model, batch: Any) -> tuple[Any, int]:
    """A batch (x, y, sample_weight) of tensors, and its number of examples."""
    if isinstance(batch, list):
        batch = tuple(batch)
    if isinstance(batch, tuple) and not 1 <= len(batch) <= 3:
        raise LotteryError(f"data= has a batch of {len(batch)} parts: {_WANTED}.")
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if y is None and model.loss:
        raise LotteryError(
            "data= has no targets, and the model was compiled with a loss: pass (x, "
            "y), or batches of these."
        )
    x, y, sample_weight = (_arrays(part) for part in (x, y, sample_weight))
    size = _size([x, y])
    return tf.nest.map_structure(_tensor, (x, y, sample_weight)), size


def _arrays(part: Any) -> Any:
    """Lists of numbers as arrays; structures of arrays as they are."""
    if isinstance(part, dict):
        return {key: _arrays(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        if any(hasattr(leaf, "shape") for leaf in tf.nest.flatten(part)):
            found = [_arrays(value) for value in part]
            return found if isinstance(part, list) else tuple(found)
    elif part is None or hasattr(part, "shape"):
        return part
    try:
        return np.asarray(part)
    except ValueError:
        raise LotteryError(
            "data= holds lists of different lengths: give arrays, with a first "
            "dimension that counts the examples."
        ) from None


def _size(arrays: Any) -> int:
    """How many examples there are, as many in each array."""
    flat = [array for array in tf.nest.flatten(arrays) if array is not None]
    if not all(len(array.shape) for array in flat):
        raise LotteryError(
            "data= holds single numbers where batches of examples are wanted: batch a "
            "Dataset, data=dataset.batch(100)."
        )
    sizes = sorted({int(array.shape[0]) for array in flat})
    if len(sizes) > 1:
        raise LotteryError(
            f"data= holds arrays of {' and '.join(map(str, sizes))} examples: give as "
            "many of each, and a Dataset in batches."
        )
    return sizes[0] if sizes else 0


def _tensor(part: Any) -> Any:
    if part is None or tf.is_tensor(part):
        return part
    try:
        return tf.convert_to_tensor(part)
    except (TypeError, ValueError) as error:
        raise LotteryError(f"data= holds what is no array: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """The last line that says something: TensorFlow and Keras put pages around it."""
    text = str(error).split("Call arguments received")[0]
    text = re.sub(r"\[\[\{\{.*?\}\}\]\]|\{\{.*?\}\}|\[Op:\w+\]", "", text)
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
