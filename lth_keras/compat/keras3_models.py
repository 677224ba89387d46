"""Models of Keras 3, on any backend: what they hold, and the state of a running fit."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np

from lth_keras.compat.keras3 import keras3


def keras3_backend() -> str:
    """The backend: "tensorflow", "jax", "torch", or another that Keras 3 has."""
    return str(keras3().backend.backend())


def keras3_own_weights(layer: Any) -> tuple[list[Any], list[Any]]:
    """The weights that a layer made itself: those that train if it does, and the rest.

    No seeds, metrics or recurrent states.
    """
    rest = [v for v in layer._non_trainable_variables if v.name != "rnn_state"]
    return list(layer._trainable_variables), rest


def keras3_layers_within(layer: Any) -> list[Any]:
    """The layer and all inside it, each once."""
    return list(layer._flatten_layers())


def keras3_seed_generators(model: Any) -> list[Any]:
    """The generators of all layers, each once, in a fixed order."""
    found: dict[int, Any] = {}
    for layer in keras3_layers_within(model):
        for generator in layer._seed_generators:
            found.setdefault(id(generator), generator)
    return list(found.values())


def keras3_follow_state(generator: Any, follow: bool) -> None:
    """Lets a generator that was given no seed draw from its state, as others do.

    On torch dropout takes such a one for a wish to use torch's global generator.
    """
    if follow and generator._initial_seed is None:
        generator._initial_seed = 0
        vars(generator)["_lth_follows"] = True
    elif not follow and vars(generator).pop("_lth_follows", False):
        generator._initial_seed = None


@contextlib.contextmanager
def keras3_seeded(seed: int) -> Iterator[None]:
    """Makes initial weights of layers made within follow `seed`.

    Keras 3 draws the seed of whatever was given none from Python's own generator,
    which is put back at the end, as NumPy's is.
    """
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def keras3_sync(model: Any) -> None:
    """Brings what a running `fit` on JAX has trained into the model's variables."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def keras3_read(variable: Any) -> np.ndarray:
    """A copy of a variable's value, in the dtype it is stored in."""
    return np.array(keras3().ops.convert_to_numpy(variable.value))


def keras3_dtype(variable: Any) -> np.dtype:
    """The dtype of a variable, as NumPy has it."""
    name = str(keras3().backend.standardize_dtype(variable.dtype))
    # The other floats of machine learning are NumPy's where ml_dtypes gave them.
    return np.dtype({"string": "object"}.get(name) or getattr(ml_dtypes, name, name))


def keras3_replicas(model: Any) -> int:
    """On how many devices TensorFlow's strategies would train the model."""
    if "tensorflow" not in sys.modules or keras3_backend() != "tensorflow":
        return 1
    strategy = getattr(model, "distribute_strategy", None)
    return int(getattr(strategy, "num_replicas_in_sync", 1))


def keras3_uses_nnx() -> bool:
    """Whether JAX's variables are those of Flax."""
    enabled = getattr(keras3().config, "is_nnx_enabled", None)
    return bool(enabled is not None and enabled())


def keras3_forget_traces(model: Any) -> None:
    """Lets the train step be traced anew, also within a `fit` that runs.

    What evaluates and predicts computes as before.
    """
    if getattr(model, "train_function", None) is not None:
        model.make_train_function(force=True)
