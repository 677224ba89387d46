"""The oracle of Keras 3 masks: a plain model whose gradients are multiplied by hand.

Nothing of lth_keras is used here.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# By position among `model.weights`.
Masks = dict[int, np.ndarray]


def values(model: Any) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in model.weights]


def multiply_gradients(model: Any, masks: Masks) -> None:
    """Gives a plain model a train step that multiplies gradients by masks."""
    by_id = {id(model.weights[index]): mask for index, mask in masks.items()}
    steps = {"jax": _jax_step, "tensorflow": _tensorflow_step, "torch": _torch_step}
    own = [by_id.get(id(v)) for v in model.trainable_variables]
    step = steps[keras.backend.backend()](own)
    model.train_step = types.MethodType(step, model)


def start_from(model: Any, start: Sequence[np.ndarray], masks: Masks) -> None:
    """Sets a plain model to `where(mask, start, 0)`."""
    for index, (variable, value) in enumerate(zip(model.weights, start, strict=True)):
        kept = masks.get(index)
        variable.assign(value if kept is None else np.where(kept, value, 0))


def set_generators(model: Any, states: Sequence[np.ndarray]) -> None:
    """Sets the states of the dropout layers' generators, in their order."""
    for generator, state in zip(generators(model), states, strict=True):
        generator.state.assign(state)


def generators(model: Any) -> list[Any]:
    layers = model._flatten_layers()  # Those of models within it too.
    found = (getattr(layer, "seed_generator", None) for layer in layers)
    return [generator for generator in found if generator is not None]


def _product(gradient: Any, mask: Any) -> Any:
    if mask is None or gradient is None:
        return gradient
    if hasattr(gradient, "dense_shape"):  # tf.IndexedSlices, whose rows Keras adds.
        rows = keras.ops.take(keras.ops.cast(mask, gradient.dtype), gradient.indices, 0)
        return type(gradient)(
            gradient.values * rows, gradient.indices, gradient.dense_shape
        )
    return keras.ops.convert_to_tensor(gradient) * keras.ops.cast(mask, gradient.dtype)


def _tensorflow_step(masks: list[Any]) -> Any:
    def train_step(self: Any, data: Any) -> Any:
        import tensorflow as tf

        x, y = data[0], data[1]
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
            scaled = self.optimizer.scale_loss(loss)
        found = tape.gradient(scaled, self.trainable_weights)
        products = [_product(g, m) for g, m in zip(found, masks, strict=True)]
        self.optimizer.apply(products, self.trainable_weights)
        return {"loss": loss}

    return train_step


def _jax_step(masks: list[Any]) -> Any:
    def train_step(self: Any, state: Any, data: Any) -> Any:
        import jax

        trainable, rest, optimizer, metrics = state
        of_loss = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (_, _, rest, metrics)), found = of_loss(
            trainable,
            rest,
            metrics,
            data[0],
            data[1],
            None,
            training=True,
            optimizer_variables=optimizer,
        )
        products = [_product(g, m) for g, m in zip(found, masks, strict=True)]
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, products, trainable
        )
        return {"loss": loss}, (trainable, rest, optimizer, metrics)

    return train_step


def _torch_step(masks: list[Any]) -> Any:
    def train_step(self: Any, data: Any) -> Any:
        import torch

        x, y = data[0], data[1]
        self.zero_grad()
        loss = self.compute_loss(x, y, self(x, training=True))
        self.optimizer.scale_loss(loss).backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            found = [v.value.grad for v in weights]
            products = [_product(g, m) for g, m in zip(found, masks, strict=True)]
            self.optimizer.apply(products, weights)
        return {"loss": loss}

    return train_step
