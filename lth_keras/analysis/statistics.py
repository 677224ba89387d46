"""The moving statistics of BatchNormalization, computed anew from training data.

Half-way between two networks the mean of their statistics is the statistics of neither:
what the network computes is far off, whatever its weights are. Recalibrated, they are
those of the network itself.

    Recalibration(model, batches)()    # at the model's present weights
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras


def normalisations(model: Any) -> list[Any]:
    """The layers of a model, of either Keras, that learn moving statistics.

    They compute with these. Frozen ones (trainable=False) keep theirs, and are none.
    """
    return [
        layer
        for layer in _within(model)
        if isinstance(getattr(layer, "momentum", None), (int, float))
        and hasattr(layer, "moving_mean")
        and hasattr(layer, "moving_variance")
        and layer.trainable
    ]


def _within(model: Any) -> list[Any]:
    if compat.is_keras3(model):
        return compat.keras3_layers_within(model)
    return list(compat.layers_within(model))


class Recalibration:
    """f(): sets the moving statistics to the mean over some batches of training data.

    Each batch passes through the network as in training, dropout included, which drops
    the same each time; its statistics count as much as every other's. Compiled once.

    Args:
        model: a built model.
        batches: inputs, as the model takes them; at least one.
    """

    def __init__(self, model: keras.Model, batches: Sequence[Any]):
        self._model, self._batches = model, batches
        self._layers = normalisations(model)
        self._compiled = tf.function(
            lambda inputs: model(inputs, training=True), reduce_retracing=True
        )

    def __call__(self) -> None:
        """Writes the statistics; nothing else of the model changes."""
        moving = [
            variable
            for layer in self._layers
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        total = [np.zeros(v.shape, np.float64) for v in moving]
        # The same at every place of every line, and when a study goes on.
        compat.reset_generators(self._model, 0)
        strategy = self._model.distribute_strategy
        with of_one_batch(self._layers), compat.untouched_generators():
            for inputs in self._batches:
                strategy.run(self._compiled, args=(inputs,))
                for sums, variable in zip(total, moving, strict=True):
                    sums += keras.backend.get_value(variable)
        for sums, variable in zip(total, moving, strict=True):
            mean = sums / len(self._batches)
            variable.assign(mean.astype(variable.dtype.as_numpy_dtype))


@contextlib.contextmanager
def of_one_batch(layers: Sequence[Any]) -> Iterator[None]:
    """Lets the moving statistics be those of the last batch."""
    before = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
