"""A model and data small enough to be searched in a second, and oracles in NumPy."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import weights
from lth_keras.masking.network import Network
from lth_keras.training import one_run

layers = keras.layers
CLASSES = 3
BATCH = 10


def data(
    size: int = 45, seed: int = 0, features: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """Examples (size, 6) float32 with labels that can be learnt."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, features)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)


def dense_model(seed: int = 1, dropout: float = 0.0) -> keras.Model:
    """Dense, BatchNorm and a head; the bias does not start at zero."""
    with compat.seeded(seed):
        inner = [layers.Dropout(dropout)] if dropout else []
        return keras.Sequential(
            [
                layers.Dense(
                    8, "relu", input_shape=(6,), bias_initializer="random_normal"
                ),
                layers.BatchNormalization(),
                *inner,
                layers.Dense(CLASSES),
            ]
        )


def compiled(
    model: keras.Model | None = None,
    optimizer: Any = None,
    rate: Any = 0.3,
    **arguments: Any,
) -> keras.Model:
    """A wrapped model, compiled for the labels of `data`."""
    compile_with = {
        name: arguments.pop(name)
        for name in ("jit_compile", "steps_per_execution", "loss", "metrics")
        if name in arguments
    }
    wrapped = lth.wrap(model or dense_model(), rate, **arguments)
    wrapped.compile(
        optimizer or keras.optimizers.SGD(0.1, momentum=0.9),
        **{
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": ["accuracy"],
            **compile_with,
        },
    )
    return wrapped


_KEPT: dict[tuple[float, str], tuple[keras.Model, lth.Ticket]] = {}


def kept(dropout: float = 0.0, scope: str = "layer") -> keras.Model:
    """`compiled`, made and traced once a process, and set back to its beginning.

    For tests of what is done with a search, where the model is any. One search may
    follow another on it: each step of a search begins by setting what it needs.
    """
    key = dropout, scope
    if key not in _KEPT:
        model = compiled(dense_model(dropout=dropout), scope=scope)
        _KEPT[key] = model, lth.Ticket.of(model, lth.capture(model))
    model, begun = _KEPT[key]
    one_run.load(Network.of(model), begun)
    return model


def values(model: keras.Model) -> list[np.ndarray]:
    return [weight.read() for weight in weights.weights_of(model)]


def masks(model: keras.Model) -> list[np.ndarray]:
    return [weight.read_mask() for weight in weights.weights_of(model)]


def bits(array: Any) -> bytes:
    array = np.asarray(array)
    return str((array.dtype.name, array.shape)).encode() + array.tobytes()


def same_bits(found: Any, expected: Any) -> bool:
    """Whether two lists of arrays are equal bit for bit, signs of zeros included."""
    return [bits(a) for a in found] == [bits(a) for a in expected]


def pruned_by_hand(value: np.ndarray, mask: np.ndarray, rate: float) -> np.ndarray:
    """One round of magnitude pruning on one tensor, by sorting: the oracle."""
    flat, kept = np.abs(value).reshape(-1), np.flatnonzero(mask.reshape(-1))
    order = sorted(kept.tolist(), key=lambda i: (-float(flat[i]), i))
    keep = len(kept) - round(rate * len(kept))
    found = np.zeros(mask.size, bool)
    found[order[:keep]] = True
    return found.reshape(mask.shape)


def masked(value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, value, np.zeros((), value.dtype))


def lines(directory: pathlib.Path) -> list[dict[str, Any]]:
    """The result lines of a run without what differs between runs."""
    rows = lth.LotterySearch.load(str(directory)).results
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def fingerprints(directory: pathlib.Path) -> list[str]:
    """The fingerprint of every ticket of a run, levels and controls."""
    paths = sorted(directory.glob("**/ticket/manifest.json"))
    return [lth.Ticket.load(str(path.parent)).fingerprint for path in paths]


X, Y = data()  # 5 batches of 10, the last one of 5
VALIDATION, TEST = data(30, 1), data(30, 2)
STEPS = 5


def search(model, directory, levels: int = 2, **arguments) -> lth.LotterySearch:
    return lth.LotterySearch(model, levels, str(directory), seed=3, **arguments)


def fit(one: lth.LotterySearch, epochs: int = 2, **arguments) -> lth.SearchHistory:
    given = {"batch_size": BATCH, "verbose": 0, **arguments}
    return one.fit(X, Y, epochs=epochs, **given)


class Record(keras.callbacks.Callback):
    """What each level began with: weights, step count, rate, epochs, batches."""

    def __init__(self):
        super().__init__()
        self.began, self.steps, self.epochs = [], [], []

    def on_train_begin(self, logs=None):
        self.epochs.append([])
        self.steps.append(0)
        self.fresh = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs[-1].append(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if self.fresh:
            optimizer = self.model.optimizer
            self.began.append(
                (
                    values(self.model),
                    int(optimizer.iterations),
                    float(keras.backend.get_value(optimizer.learning_rate)),
                    [bits(v.numpy()) for v in optimizer.variables if v.shape.rank],
                )
            )
        self.fresh = False

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += 1
        self.rate = float(keras.backend.get_value(self.model.optimizer.learning_rate))
