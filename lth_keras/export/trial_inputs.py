"""Which inputs is an export tried with? Those given, or random ones that fit it.

    example_inputs(model, batch=None)  # {"pixels": array of shape (8, 784)}

By input name, as `model_io.input_specs` names them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.export.model_io import input_specs

# Stands for lengths that are free, such as time steps.
_FREE_LENGTH = 16
_WORDS = ("a", "b", "the", "ticket", "lottery", "unseen")


def example_inputs(
    model: keras.Model, batch: Any = None, size: int = 8
) -> dict[str, np.ndarray]:
    """Arrays by input name to try the model with.

    Args:
        model: a built model.
        batch: what the model takes: an array, a list of arrays, or a dict by input
            name; None for random values: normal floats, whole numbers that every
            Embedding of the model knows, short texts.
        size: examples of a random batch.

    Raises:
        LotteryError: the batch does not fit the model's inputs.
    """
    specs = input_specs(model)
    if batch is None:
        return random_inputs(specs, size, _vocabulary(model), _tokens(model, specs))
    if isinstance(batch, Mapping):
        missing = [name for name in specs if name not in batch]
        if missing:
            raise LotteryError(
                f"batch has no {missing[0]!r}: give arrays for {', '.join(specs)}."
            )
        values = [batch[name] for name in specs]
    elif isinstance(batch, (list, tuple)) and len(batch) == len(specs):
        values = list(batch)
    else:
        values = [batch]
    if len(values) != len(specs):
        raise LotteryError(
            f"batch holds {len(values)} arrays, and the model takes {len(specs)}: "
            f"{', '.join(specs)}."
        )
    found = {}
    for (name, spec), value in zip(specs.items(), values, strict=True):
        array = _array(name, value, spec)
        if array.dtype.kind in "fiub" and spec.dtype != tf.string:
            array = array.astype(spec.dtype.as_numpy_dtype)
        if not spec.shape.is_compatible_with(array.shape) or not len(array):
            raise LotteryError(
                f"batch has shape {array.shape} for input {name!r}, and the model "
                f"takes {tuple(spec.shape)}."
            )
        found[name] = array
    return found


def _array(name: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
    try:
        array = np.asarray(value)
    except Exception:  # Lists of different lengths, and what classes raise.
        array = np.asarray(None)
    kinds = "OSU" if spec.dtype == tf.string else "biufcV"
    if array.dtype.kind not in kinds:
        raise LotteryError(
            f"batch={shown(value)} is no array of {spec.dtype.name} for input "
            f"{name!r}: give what the model takes."
        )
    return array


def random_inputs(
    specs: Mapping[str, tf.TensorSpec],
    size: int = 8,
    vocabulary: int = 2,
    tokens: Container[str] = (),
) -> dict[str, np.ndarray]:
    """Random arrays for the specs, the same each time.

    Args:
        specs: shape and dtype by input name.
        size: examples, where the batch is free.
        vocabulary: integers are below it.
        tokens: names of inputs of whole numbers, whatever their dtype.
    """
    rng = np.random.default_rng(0)
    found = {}
    for name, spec in specs.items():
        value: np.ndarray
        lengths = [_FREE_LENGTH if n is None else n for n in spec.shape]
        if lengths and spec.shape[0] is None:
            lengths[0] = size
        if spec.dtype == tf.string:
            words = rng.choice(_WORDS, (*lengths, 3))
            value = np.apply_along_axis(" ".join, -1, words).astype(np.str_)
        elif spec.dtype == tf.bool:
            value = rng.random(lengths) < 0.5
        elif spec.dtype.is_integer or name in tokens:
            value = rng.integers(0, vocabulary, lengths)
        else:
            value = rng.normal(size=lengths)
        if spec.dtype != tf.string:
            value = value.astype(spec.dtype.as_numpy_dtype)
        found[name] = value
    return found


def _vocabulary(model: keras.Model) -> int:
    """An integer that is small enough for every Embedding of the model."""
    sizes = [
        layer.input_dim
        for layer in compat.layers_within(model)
        if isinstance(layer, keras.layers.Embedding)
    ]
    return min(sizes, default=2)


def _tokens(model: keras.Model, specs: Mapping[str, tf.TensorSpec]) -> set[str]:
    """Names of inputs that an Embedding reads.

    Keras makes them floats in a Sequential model that begins with the Embedding.
    """
    if not (model.inputs and compat.is_functional(model)):
        return set()
    feeds = compat.producers(model)
    read = {
        name
        for layer in model.layers
        if isinstance(getattr(layer, "layer", layer), keras.layers.Embedding)
        for name in feeds.get(layer.name, ())
    }
    return {
        key
        for key, name in zip(specs, _input_layers(model), strict=True)
        if name in read
    }


def _input_layers(model: keras.Model) -> list[str]:
    """Names of the layers of the model's inputs, in the order of the specs."""
    names = {
        id(tensor): name
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    }
    return [names.get(id(t), "") for t in tf.nest.flatten(model.input)]
