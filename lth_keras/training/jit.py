"""Whether XLA should compile the train step: a fixed rule of layer kinds and device.

    model.compile(..., jit_compile=jit.choose(model))

The rule is fixed, not measured, because the choice changes the last bits of the
results: one search must make the same choice on every start.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras.compat import (
    is_keras3_model,
    keras,
    keras3,
    layers_within,
    require_tf_keras_model,
    xla_compiles,
)

# Every convolution of Keras, of either version, derives from one of these.
_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)


def choose(model: Any) -> bool:
    """Whether to compile `model` with `jit_compile=True`.

    On a GPU or TPU always. On a CPU only without convolutions: XLA fuses the many
    small operations of a dense network, but its convolutions there are slower than
    TensorFlow's own.

    Args:
        model: wrapped or not, nested or not.

    Raises:
        LotteryError: it is no tf_keras model.
    """
    if not is_keras3_model(model):
        require_tf_keras_model(model)
        if not xla_compiles(model.distribute_strategy):
            return False
    if any(d.device_type != "CPU" for d in tf.config.list_logical_devices()):
        return True
    return not has_convolutions(model)


def has_convolutions(model: Any) -> bool:
    """Whether a layer of `model`, at any depth, is a convolution."""
    module = keras3() if is_keras3_model(model) else keras
    kinds = tuple(getattr(module.layers, name) for name in _CONVOLUTIONS)
    return any(isinstance(layer, kinds) for layer in layers_within(model))
