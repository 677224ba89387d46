"""The flow through each weight of a network whose weights are all positive.

R = the sum of the outputs for an input of ones, every weight at its absolute value
(2006.05467, equation 2). It needs no data, and nothing in it cancels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.flow_inputs import INPUTS, logits, ones_of, require_flow
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen


class Flow:
    """f() -> dR/d|w| of each pruned weight, at the present weights' absolute values.

    Args:
        network: of a wrapped model.

    Raises:
        LotteryError: the shape of an input is open, or the model has no inputs yet.
    """

    def __init__(self, network: Network):
        self._network = network
        self._inputs = _inputs(network.model)
        self._seen = Seen(network)
        self._variables = [
            compat.raw_variable(weight.variable) for weight in self._seen.weights
        ]
        self._compiled = tf.function(self._gradients)

    def __call__(self) -> list[np.ndarray]:
        """One float32 array per pruned weight, in its shape.

        Raises:
            LotteryError: it is nowhere above 0, or overflows.
        """
        heads = logits(_last(self._network.model), keras.layers.Softmax)
        with _all_positive(self._network), heads:
            for size in INPUTS:
                found = self._at(size)
                if all(np.isfinite(each).all() for each in found):
                    break
        return self._seen.spread(require_flow(found))

    def _at(self, size: float) -> list[np.ndarray]:
        strategy = self._network.model.distribute_strategy
        found = self._compiled(tf.constant(size, tf.float32))
        return [
            np.asarray(strategy.experimental_local_results(each)[0].numpy())
            for each in found
        ]

    def _gradients(self, size: Any) -> list[Any]:
        model = self._network.model

        def of_replica() -> list[Any]:
            inputs = tf.nest.map_structure(
                lambda given: (
                    given * tf.cast(size, given.dtype)
                    if given.dtype.is_floating
                    else given
                ),
                self._inputs,
            )
            with tf.GradientTape() as tape:
                outputs = tf.nest.flatten(model(inputs, training=False))
                total = tf.add_n(
                    [tf.reduce_sum(tf.cast(each, tf.float32)) for each in outputs]
                )
            found = tape.gradient(
                total,
                self._variables,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            return [tf.cast(tf.convert_to_tensor(g), tf.float32) for g in found]

        return model.distribute_strategy.run(of_replica)


def _inputs(model: keras.Model) -> Any:
    """One example of ones."""
    if not getattr(model, "inputs", None):
        raise LotteryError(
            f"model {model.name!r} does not say the shape of its inputs: give it an "
            "Input, or call it once."
        )

    return ones_of(model, tf.ones)


@contextlib.contextmanager
def _all_positive(network: Network) -> Iterator[None]:
    """Every weight at its absolute value, and back again."""
    before = [
        (weight, value)
        for weight in network.weights
        if (value := weight.read()).dtype.kind not in "biuSOU"
    ]
    try:
        for weight, value in before:
            weight.write(np.abs(value))
        yield
    finally:
        for weight, value in before:
            weight.write(value)


def _last(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers that the outputs come from, without wrappers."""
    by_name = {layer.name: layer for layer in model.layers}
    for name in dict.fromkeys(compat.output_names(model)):
        layer = by_name[name]
        if isinstance(layer, keras.Model):
            yield from _last(layer)
        else:
            yield getattr(layer, "layer", layer)
