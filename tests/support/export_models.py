"""Networks that tests export, and what lies where they were exported to."""

from __future__ import annotations

import os
import pathlib

import numpy as np

import lth_keras as lth
from lth_keras.compat import keras
from tests.support import masked_models

layers = keras.layers


def wide(units: int = 64) -> keras.Model:
    """A dense network whose kernels are worth packing."""
    inputs = keras.Input((40,), name="pixels")
    hidden = layers.Dense(units, "relu", name="hidden")(inputs)
    hidden = layers.Dense(units, "relu", name="deeper")(hidden)
    return keras.Model(inputs, layers.Dense(3, name="logits")(hidden), name="wide")


def ticket(density: float = 0.1) -> keras.Model:
    return masked_models.masked(lth.wrap(wide()), density)


def heads() -> keras.Model:
    """Nested, with two named inputs, a shared layer and a dict of outputs."""
    a, b = keras.Input((40,), name="a"), keras.Input((40,), name="b")
    shared = layers.Dense(64, name="shared")
    trunk = keras.Sequential(
        [layers.Dense(64, "relu", input_shape=(128,)), layers.BatchNormalization()],
        name="trunk",
    )
    hidden = trunk(layers.Concatenate()([shared(a), shared(b)]))
    y, z = layers.Dense(1, name="one")(hidden), layers.Dense(2, name="two")(hidden)
    return keras.Model({"b": b, "a": a}, {"z": z, "y": y})


def exported(path: pathlib.Path) -> list[str]:
    return sorted(os.listdir(path))


def large_and_sparse() -> keras.Model:
    """20 million weights, 2 % of them not 0, in layers that are not wrapped."""
    model = keras.Sequential(
        [layers.Dense(4096, "relu", input_shape=(4096,)), layers.Dense(800)]
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        kernel = layer.kernel.numpy()
        kernel[rng.random(kernel.shape, np.float32) >= 0.02] = 0
        layer.kernel.assign(kernel)
    return model
