"""The oracle of masks: a plain model whose gradients are multiplied by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras, raw_variable
from lth_keras.masking.network import Network

# By position among the weights of a model as Keras lists them.
Masks = dict[int, np.ndarray]
Loss = Callable[[keras.Model, Any], tf.Tensor]


def places(model: keras.Model, pruned: keras.Model) -> Masks:
    """The present masks of a model on masks, by position in a plain one like it."""
    weights = Network.of(pruned).weights
    assert len(weights) == len(Network.of(model).weights)
    return {
        index: weight.read_mask()
        for index, weight in enumerate(weights)
        if weight.mask is not None
    }


def put_on(model: keras.Model, masks: Masks) -> None:
    """Sets weights of a plain model to +0.0 where masks prune."""
    for index, mask in masks.items():
        weight = Network.of(model).weights[index]
        weight.write(np.where(mask, weight.read(), np.zeros((), weight.read().dtype)))


def train(
    model: keras.Model,
    loss: Loss,
    batches: Sequence[Any],
    optimizer: Any,
    masks: Masks | None = None,
) -> None:
    """Steps of a loop by hand; with masks, every gradient is multiplied by its own."""
    weights = Network.of(model).weights
    by_variable = {
        id(raw_variable(weights[index].variable)): tf.constant(mask.astype("float32"))
        for index, mask in (masks or {}).items()
    }

    @tf.function
    def step(batch: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(model, batch)
        variables = model.trainable_variables
        found = []
        for variable, gradient in zip(
            variables, tape.gradient(value, variables), strict=True
        ):
            mask = by_variable.get(id(raw_variable(variable)))
            if mask is not None:
                gradient = tf.convert_to_tensor(gradient) * mask
            found.append((gradient, variable))
        optimizer.apply_gradients(found)

    for batch in batches:
        step(batch)
