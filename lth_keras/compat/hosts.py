"""The one Keras import, the one of tfmot, and the classes below their public names.

Every other module takes `keras` from here.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.applications.convnext import LayerScale
from tf_keras.src.layers.rnn.base_conv_lstm import ConvLSTMCell
from tf_keras.src.mixed_precision.autocast_variable import (
    AutoCastVariable,
    AutoCastVariableSpec,
)

from lth_keras.compat.keras3 import is_keras3
from lth_keras.compat.tfmot_alone import imported
from lth_keras.errors import LotteryError

__all__ = [
    "AutoCastVariable",
    "AutoCastVariableSpec",
    "ConvLSTMCell",
    "LayerScale",
    "keras",
    "sparsity",
]


sparsity = imported("tensorflow_model_optimization.sparsity.keras")
_pruning_wrapper = imported(
    "tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper"
)

# What holds variables for checkpoints, and is no layer.
Trackable = tf.__internal__.tracking.AutoTrackable
PruneLowMagnitude = _pruning_wrapper.PruneLowMagnitude
collect_prunable_layers = _pruning_wrapper.collect_prunable_layers


def require_tf_keras_model(model: Any) -> None:
    """Refuses anything but a tf_keras model, naming the way out.

    Raises:
        LotteryError: for a Keras 3 model or an object that is no model.
    """
    if isinstance(model, keras.Model):
        return
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if is_keras3(model):
        raise LotteryError(
            f"{kind} is a Keras 3 model, which tfmot cannot prune: "
            "lth.from_keras3(model) is an equal one of tf_keras, and lth.wrap(model) "
            "makes it by itself; lth.hold(model) prunes it as it is."
        )
    raise LotteryError(f"expected a tf_keras model, got {kind}: pass a tf_keras.Model.")
