"""Whether XLA should compile the train step: a fixed rule of layer kinds and device.

    model.compile(..., jit_compile=jit.choose(model))

The rule is fixed, not measured, because the choice changes the last bits of the
results: one search must make the same choice on every start.
"""

from __future__ import annotations

import tensorflow as tf

from lth_keras.compat import keras, layers_within, require_tf_keras_model

_layers = keras.layers

# Every convolution of Keras derives from one of these.
_CONVOLUTIONS = (
    _layers.Conv1D,
    _layers.Conv2D,
    _layers.Conv3D,
    _layers.DepthwiseConv1D,
    _layers.DepthwiseConv2D,
    _layers.SeparableConv1D,
    _layers.SeparableConv2D,
)


def choose(model: keras.Model) -> bool:
    """Whether to compile `model` with `jit_compile=True`.

    On a GPU or TPU always. On a CPU only without convolutions: XLA fuses the many
    small operations of a dense network, but its convolutions there are slower than
    TensorFlow's own.

    Args:
        model: wrapped or not, nested or not.

    Raises:
        LotteryError: it is no tf_keras model.
    """
    require_tf_keras_model(model)
    if any(d.device_type != "CPU" for d in tf.config.list_logical_devices()):
        return True
    return not has_convolutions(model)


def has_convolutions(model: keras.Model) -> bool:
    """Whether a layer of `model`, at any depth, is a convolution."""
    return any(isinstance(layer, _CONVOLUTIONS) for layer in layers_within(model))
