"""Which activations keep channels apart, so that one can be taken out before them?"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras

_NAMES = (
    "elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softplus "
    "softsign swish tanh"
)
# Each works on every number by itself, so that channels can be taken out before it.
_ELEMENTWISE = {
    *(getattr(keras.activations, n) for n in _NAMES.split()),
    *(getattr(tf.nn, n) for n in "elu leaky_relu relu relu6 selu silu".split()),
    *(getattr(tf.nn, n) for n in "sigmoid softplus softsign tanh".split()),
    *(getattr(tf.math, n) for n in "sigmoid softplus tanh".split()),
}


def is_elementwise(activation: Any) -> bool:
    """Whether an activation function is known to keep channels apart."""
    try:
        return activation in _ELEMENTWISE
    except TypeError:  # not hashable, so none of ours
        return False


def activated(layer: Any, value: np.ndarray) -> np.ndarray:
    """The layer's activation of numbers; float64 [channels]."""
    if layer.activation is None:
        return value
    given = tf.constant(value, layer.compute_dtype)
    return np.asarray(layer.activation(given), np.float64)
