"""Small models and data that tests train on masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lth_keras.compat import keras
from tests.support.model_zoo import floats

layers = keras.layers
optimizers = keras.optimizers
legacy = keras.optimizers.legacy

INPUTS = floats(24, 6)
TARGETS = np.random.default_rng(1).normal(size=(24, 3)).astype("float32")


def net(dense: type, conv: type, **arguments) -> keras.Model:
    return keras.Sequential(
        [
            layers.Reshape((3, 2, 1), input_shape=(6,)),
            conv(4, 2, activation="relu"),
            layers.Flatten(),
            dense(6, activation="tanh", **arguments),
            layers.BatchNormalization(),
            dense(3),
        ]
    )


def fit(model: keras.Model, optimizer: object, epochs: int = 3, **compiling) -> None:
    model.compile(optimizer, "mse", **compiling)
    model.fit(INPUTS, TARGETS, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


EQUALS: dict[str, Callable[[], object]] = {
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam_clipnorm": lambda: optimizers.Adam(0.01, clipnorm=0.01),
    "sgd_global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=0.05),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "ema": lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=4),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "legacy_adam": lambda: legacy.Adam(0.01, clipnorm=0.1),
}
