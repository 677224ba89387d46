"""The oracle of masks in place: a plain model with gradients masked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.masking.network import Network


def random_masks(model: keras.Model, seed: int = 1) -> dict[int, np.ndarray]:
    """Puts a held model on random masks; by their places in `model.weights`."""
    rng = np.random.default_rng(seed)
    places = {v.ref(): index for index, v in enumerate(map(raw, model.weights))}
    found = {}
    for weight in Network.of(model).pruned:
        mask = rng.random(weight.shape) < 0.5
        weight.write_mask(mask)
        found[places[raw(weight.variable).ref()]] = mask
    return found


def raw(variable: Any) -> Any:
    while hasattr(variable, "_variable"):
        variable = variable._variable
    return variable


def mask_by_hand(model: keras.Model, masks: dict[int, np.ndarray]) -> None:
    """Zeros the weights, and lets every optimizer multiply gradients by the masks."""
    weights = [raw(variable) for variable in model.weights]
    by_variable = {}
    for index, mask in masks.items():
        weights[index].assign(np.where(mask, weights[index].numpy(), 0.0))
        by_variable[weights[index].ref()] = tf.constant(mask.astype("float32"))
    for value in vars(model).values():
        if isinstance(value, keras.optimizers.Optimizer):
            _mask_gradients(value, by_variable)


def _mask_gradients(optimizer: Any, masks: dict[Any, tf.Tensor]) -> None:
    apply = optimizer.apply_gradients

    def masked(grads_and_vars: Any, **arguments: Any) -> Any:
        found = []
        for gradient, variable in grads_and_vars:
            mask = masks.get(raw(variable).ref())
            if mask is not None:
                gradient = tf.convert_to_tensor(gradient) * mask
            found.append((gradient, variable))
        return apply(found, **arguments)

    optimizer.apply_gradients = masked


def off_masks(model: keras.Model, masks: dict[int, np.ndarray]) -> list[int]:
    """Places of weights with a value where their mask prunes."""
    weights = [raw(variable).numpy() for variable in model.weights]
    return [index for index, mask in masks.items() if np.any(weights[index][~mask])]
