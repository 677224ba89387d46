"""Activations of Keras 3: those that tf_keras has, and those that it lacks.

What tf_keras lacks is registered, so that files of models find it after
`import lth_keras`. hard_sigmoid has a namesake in tf_keras, of another formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras.compat import keras

# Of the same name and formula in both.
_SAME = (
    *("elu", "exponential", "gelu", "linear", "mish", "relu", "selu", "sigmoid"),
    *("softmax", "softplus", "softsign", "tanh"),
    # tf_keras knows TensorFlow's by these names.
    *("leaky_relu", "log_softmax", "relu6", "silu"),
)
_MADE: dict[str, Callable[..., Any]] = {}


def activation(name: str) -> Callable[..., Any] | None:
    """The tf_keras function like the Keras 3 activation of this name; None without."""
    if name in _SAME:
        found: Callable[..., Any] = keras.activations.get(name)
        return found
    return _MADE.get(name)


def _made(*known: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def registered(function: Callable[..., Any]) -> Callable[..., Any]:
        keras.saving.register_keras_serializable("lth_keras")(function)
        for name in known or (function.__name__,):
            _MADE[name] = function
        return function

    return registered


@_made()
def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + alpha min(e^(x / alpha) - 1, 0)."""
    return tf.maximum(x, 0.0) + alpha * tf.math.expm1(tf.minimum(x, 0.0) / alpha)


@_made()
def glu(x: Any) -> Any:
    """a sigmoid(b), of the two halves of the last axis."""
    first, second = tf.split(x, 2, axis=-1)
    return first * tf.sigmoid(second)


@_made()
def hard_shrink(x: Any) -> Any:
    """x where |x| > 0.5, else 0."""
    return tf.where(tf.abs(x) > 0.5, x, tf.zeros_like(x))


@_made("hard_sigmoid")
def hard_sigmoid_of_keras3(x: Any) -> Any:
    """relu6(x + 3) / 6; tf_keras's own is clip(0.2 x + 0.5, 0, 1)."""
    return tf.nn.relu6(x + 3.0) / 6.0


@_made("hard_silu", "hard_swish")
def hard_silu(x: Any) -> Any:
    """x relu6(x + 3) / 6."""
    return x * hard_sigmoid_of_keras3(x)


@_made()
def hard_tanh(x: Any) -> Any:
    """clip(x, -1, 1)."""
    return tf.clip_by_value(x, -1.0, 1.0)


@_made()
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x))."""
    return tf.math.log_sigmoid(x)


@_made()
def soft_shrink(x: Any) -> Any:
    """x moved by 0.5 toward 0, where |x| > 0.5, else 0."""
    return tf.sign(x) * tf.nn.relu(tf.abs(x) - 0.5)


@_made()
def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1 on, and (x + 1)^2 / 4 between."""
    between = tf.square(x + 1.0) / 4.0
    return tf.where(x <= -1.0, tf.zeros_like(x), tf.where(x < 1.0, between, x))


@_made()
def sparse_sigmoid(x: Any) -> Any:
    """clip((x + 1) / 2, 0, 1)."""
    return tf.clip_by_value(0.5 * (x + 1.0), 0.0, 1.0)


@_made()
def squareplus(x: Any, b: float = 4.0) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    return (x + tf.sqrt(tf.square(x) + b)) / 2.0


@_made()
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    return x - tf.tanh(x)
