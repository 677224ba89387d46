"""Layers of Keras 3 that tf_keras lacks, registered for files of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lth_keras.compat import keras


@keras.saving.register_keras_serializable("lth_keras")
class RMSNormalization(keras.layers.Layer):
    """x / sqrt(mean(x^2) + epsilon) times a scale (1910.07467, equation 4).

    Args:
        axis: the axis or axes that the mean is taken over.
        epsilon: is added to the mean of the squares.
        **kwargs: name, dtype and trainable, as of any layer.
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else tuple(axis)
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Makes the scale, one for each entry of the normalised axes."""
        rank = len(input_shape)
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        shape = [input_shape[axis] for axis in axes]
        self.scale = self.add_weight("scale", shape, initializer="ones")
        kept = {axis % rank for axis in axes}
        self._along = [n if i in kept else 1 for i, n in enumerate(input_shape)]
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """The normalised inputs, in their dtype; half precision computes in float32."""
        x = tf.cast(inputs, tf.float32) if inputs.dtype.size < 4 else inputs
        mean = tf.reduce_mean(tf.square(x), self.axis, keepdims=True)
        scale = tf.reshape(tf.cast(self.scale, x.dtype), self._along)
        return tf.cast(x * tf.math.rsqrt(mean + self.epsilon) * scale, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"axis": self.axis, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
