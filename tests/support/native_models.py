"""Small Keras 3 models and optimizers that every backend trains, and their data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import optimizers as O  # noqa: E741, N812

BATCH, CLASSES, EXAMPLES = 16, 5, 48
RATE = 0.3
# Whether the backend compiles the step: bit-equality is promised where it does not.
PLAIN: dict[str, Any] = {"jit_compile": False}


def data(features: tuple[int, ...] = (8, 8, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Examples with labels, the same in every process."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, *features)).astype(np.float32)
    return x, rng.integers(0, CLASSES, EXAMPLES)


def loss() -> Any:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def dense() -> tuple[Any, tuple[int, ...]]:
    parts = [L.Flatten(), L.Dense(16, "relu"), L.Dense(12, "relu"), L.Dense(CLASSES)]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts]), (8, 8, 1)


def convolutional() -> tuple[Any, tuple[int, ...]]:
    parts = [
        L.Conv2D(4, 3),
        L.BatchNormalization(),
        L.ReLU(),
        L.DepthwiseConv2D(2),
        L.SeparableConv2D(4, 2),
        L.Dropout(0.3, seed=7),
        L.Flatten(),
        L.Dense(CLASSES, kernel_regularizer="l2"),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts]), (8, 8, 1)


def recurrent() -> tuple[Any, tuple[int, ...]]:
    parts = [
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.GRU(5),
        L.Dense(CLASSES),
    ]
    return keras.Sequential([keras.Input((6, 8)), *parts]), (6, 8)


def attention() -> tuple[Any, tuple[int, ...]]:
    entry = keras.Input((6, 8))
    normal = L.LayerNormalization()(entry)
    x = L.Add()([entry, L.MultiHeadAttention(2, 4)(normal, normal)])
    x = L.Dense(8, "gelu", kernel_constraint="max_norm")(x)
    out = L.Dense(CLASSES)(L.GlobalAveragePooling1D()(x))
    return keras.Model(entry, out), (6, 8)


class Blocks(keras.Model):
    """A class of the caller's with layers in a list and a dict, and its own weight."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = L.Flatten()
        self.blocks = [L.Dense(12, "relu") for _ in range(2)]
        self.out = {"head": L.Dense(CLASSES)}
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.flatten(x)
        for block in self.blocks:
            x = block(x)
        return self.scale * self.out["head"](x)


def subclassed() -> tuple[Any, tuple[int, ...]]:
    model = Blocks()
    model(np.zeros((1, 8, 8, 1), np.float32))
    return model, (8, 8, 1)


Build = Callable[[], tuple[Any, tuple[int, ...]]]
MODELS: dict[str, Build] = {
    "attention": attention,
    "convolutional": convolutional,
    "dense": dense,
    "recurrent": recurrent,
    "subclassed": subclassed,
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: O.Adam(1e-2),
    "adamw": lambda: O.AdamW(1e-2, weight_decay=0.01),
    "accumulated": lambda: O.Adam(1e-2, gradient_accumulation_steps=2),
    "clipped": lambda: O.Adam(1e-2, global_clipnorm=0.1),
    "averaged": lambda: O.Adam(1e-2, use_ema=True, ema_momentum=0.9),
    "overwritten": lambda: O.SGD(
        1e-2, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=2
    ),
    "ftrl": lambda: O.Ftrl(0.05, initial_accumulator_value=0.2),
    "momentum": lambda: O.SGD(0.05, momentum=0.9, nesterov=True),
    "muon": lambda: O.Muon(1e-2),
    "rmsprop": lambda: O.RMSprop(1e-3, momentum=0.9, centered=True),
    "scheduled": lambda: O.Adam(O.schedules.CosineDecay(1e-2, 40)),
}
# Muon mixes the entries of a kernel, which a product of gradients does not undo.
MIXING = ("muon",)


def made(model: str, optimizer: str = "adam", **compiled: Any) -> tuple[Any, Any, Any]:
    """A compiled model with the same weights each time, and its data.

    Returns:
        The model, the examples and the labels.
    """
    keras.utils.set_random_seed(1)
    found, features = MODELS[model]()
    found.compile(OPTIMIZERS[optimizer](), loss(), **{**PLAIN, **compiled})
    return found, *data(features)
