"""What tests read from a wrapped model, without the functions under test."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import collect_prunable_layers, keras


def held(model: keras.Model) -> list[tuple[Any, Any]]:
    """Each pruned weight of a wrapped model with its mask, once."""
    unique = {id(layer): layer for layer in collect_prunable_layers(model)}
    return [
        (weight, mask)
        for layer in unique.values()
        for weight, mask, _ in layer.pruning_vars
    ]


def masked(model: keras.Model, density: float = 0.5, seed: int = 1) -> keras.Model:
    """Puts a wrapped model on random masks, and its weights to zero there."""
    rng = np.random.default_rng(seed)
    for weight, mask in held(model):
        keep = rng.random(mask.shape) < density
        mask.assign(keep.astype(mask.dtype.as_numpy_dtype))
        value = keras.backend.get_value(weight)
        weight.assign(np.where(keep, value, np.zeros_like(value)))
    return model


def violations(model: keras.Model) -> list[str]:
    """Names of weights that are not zero where their mask prunes."""
    return [
        weight.name
        for weight, mask in held(model)
        if np.any(
            keras.backend.get_value(weight)[keras.backend.get_value(mask) == 0] != 0
        )
    ]


def network_weights(model: keras.Model) -> list[Any]:
    """The variables of a model but for masks and what tfmot counts with."""
    own = {
        id(variable)
        for layer in collect_prunable_layers(model)
        for _, mask, threshold in layer.pruning_vars
        for variable in (mask, threshold, layer.pruning_step)
    }
    return [variable for variable in model.weights if id(variable) not in own]


def arrays(values: Any) -> list[np.ndarray]:
    return [np.asarray(value) for value in tf.nest.flatten(values)]


def equal(first: Any, second: Any) -> bool:
    """Whether two structures of tensors hold the same bits (zeros of any sign)."""
    pairs = list(zip(arrays(first), arrays(second), strict=True))
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
