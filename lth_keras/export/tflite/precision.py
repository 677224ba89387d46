"""How does TFLite compute a model of another precision? By a copy in float32."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.wrappers import PruneByLevel

# What the file computes in float32.
_OTHERS = {"float16", "bfloat16", "float64"}
_POLICIES = {*_OTHERS, "mixed_float16", "mixed_bfloat16"}


def in_float32(model: keras.Model) -> keras.Model:
    """The model, or a copy that computes in float32 where it uses another precision.

    A subclassed model cannot be copied, and stays as it is.
    """
    if not other_dtypes(model) or not compat.is_functional(model):
        return model

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer.layer if isinstance(layer, PruneByLevel) else layer)
        if compat.is_input_layer(copy):
            return copy
        return type(copy).from_config(_in_policy(copy.get_config()))

    return rebuilt(model, convert)


def other_dtypes(model: keras.Model) -> list[str]:
    """Names of the floating types other than float32 that its layers compute in."""
    used = {layer.compute_dtype for layer in compat.layers_within(model)}
    return sorted(used & _OTHERS)


def _in_policy(config: Any) -> Any:
    """A layer's configuration with policies of other precisions as float32."""
    if isinstance(config, dict):
        return {
            key: _policy(value) if key == "dtype" else _in_policy(value)
            for key, value in config.items()
        }
    # Keras has lists of classes of its own, which no list of values makes.
    if isinstance(config, list):
        return [_in_policy(value) for value in config]
    if isinstance(config, tuple):
        return tuple(_in_policy(value) for value in config)
    return config


def _policy(value: Any) -> Any:
    """A layer's dtype in its configuration: a name, or a serialised policy."""
    name = value["config"].get("name") if isinstance(value, dict) else value
    return "float32" if name in _POLICIES else value
