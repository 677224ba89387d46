"""Mean gradients of the loss at the present weights, for criteria that read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network

_BATCH_SIZE = 128


def mean_gradients(network: Network, data: Any) -> list[np.ndarray]:
    """The gradient of the mean loss over `data` by each pruned weight.

    The model computes as in evaluation: no dropout, moving statistics, and nothing of
    its state changes. Losses that layers add (regularisers) are part of the loss, and
    pruned entries have no gradient.

    Args:
        network: of a wrapped, compiled model.
        data: (x, y) or (x, y, sample_weight) as arrays, or batches of these.

    Returns:
        One float32 array per pruned weight, in its shape, in the order of
        `network.pruned`.

    Raises:
        LotteryError: the model is not compiled, there are no data, or a weight does
            not train.
    """
    model = network.model
    if getattr(model, "compiled_loss", None) is None:
        raise LotteryError(
            "the model is not compiled, and gradients are of its loss: call "
            "model.compile first."
        )
    variables = [compat.raw_variable(weight.variable) for weight in network.pruned]

    @tf.function(reduce_retracing=True)
    def summed(batch: Any) -> tuple[Any, Any]:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=False), sample_weight)
        size = tf.cast(tf.shape(tf.nest.flatten(x)[0])[0], tf.float32)
        gradients = tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        dense = [tf.cast(tf.convert_to_tensor(g), tf.float32) for g in gradients]
        return size, [size * gradient for gradient in dense]

    total, sums = 0.0, [np.zeros(w.shape, np.float64) for w in network.pruned]
    for batch in _batches(data):
        size, found = summed(batch)
        total += float(size)
        for held, gradient in zip(sums, found, strict=True):
            held += gradient.numpy()
    if not total:
        raise LotteryError(
            "data= has no batch: pass (x, y) or a Dataset that can begin again."
        )
    for metric in model.metrics:
        metric.reset_state()
    return [(held / total).astype(np.float32) for held in sums]


def _batches(data: Any) -> Iterator[Any]:
    if not isinstance(data, tuple):
        yield from data
        return
    sizes = {len(part) for part in tf.nest.flatten(data)}
    if len(sizes) != 1:
        raise LotteryError(
            f"data= holds arrays of {' and '.join(map(str, sorted(sizes)))} examples: "
            "give as many of each."
        )
    for begin in range(0, sizes.pop(), _BATCH_SIZE):
        end = begin + _BATCH_SIZE
        yield tf.nest.map_structure(
            lambda part, b=begin, e=end: tf.convert_to_tensor(part[b:e]), data
        )
