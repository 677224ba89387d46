"""A model's inputs and outputs by name, and a batch to try an export with.

What every format needs: the named inputs and outputs of the serving signature, example
inputs, and what the model itself computes of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export.fresh_process import unique_names

# Stands for lengths that are free, such as time steps.
_FREE_LENGTH = 16
_WORDS = ("a", "b", "the", "ticket", "lottery", "unseen")


def input_specs(model: keras.Model) -> dict[str, tf.TensorSpec]:
    """Name, shape (first axis: the batch, mostly None) and dtype of each input.

    A dict of inputs goes by its keys, anything else by the names of the inputs.

    Raises:
        LotteryError: not a tf_keras model, it has no weights yet, its inputs are not
            known, or one is sparse or ragged.
    """
    compat.require_tf_keras_model(model)
    given = model.inputs
    if not model.built or (not given and not model.save_spec()):
        raise LotteryError(
            f"model {model.name!r} has no weights yet: call model.build(input_shape) "
            "with the shape of a batch, or the model on a batch, first."
        )
    structure = model.input if given else model.save_spec()[0][0]
    tensors = tf.nest.flatten(structure)
    names = _keys(structure) or (
        list(model.input_names)
        if given
        else [f"input_{index + 1}" for index in range(len(tensors))]
    )
    specs = {}
    for name, tensor in zip(
        unique_names([argument_name(n) for n in names]), tensors, strict=True
    ):
        spec = getattr(tensor, "type_spec", tensor)
        if not isinstance(spec, tf.TensorSpec):
            raise LotteryError(
                f"input {name!r} of model {model.name!r} is a {type(spec).__name__}: "
                "only dense inputs can be exported; convert inside the model."
            )
        specs[name] = tf.TensorSpec(spec.shape, spec.dtype, name)
    return specs


def has_free_batch(specs: Mapping[str, tf.TensorSpec]) -> bool:
    """Whether batches of any size are taken."""
    return all(spec.shape.rank and spec.shape[0] is None for spec in specs.values())


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
        array = np.asarray(value)
        if array.dtype.kind in "fiub" and spec.dtype != tf.string:
            array = array.astype(spec.dtype.as_numpy_dtype)
        if not spec.shape.is_compatible_with(array.shape) or not len(array):
            raise LotteryError(
                f"batch has shape {array.shape} for input {name!r}, and the model "
                f"takes {tuple(spec.shape)}."
            )
        found[name] = array
    return found


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


def call(model: keras.Model, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The model's outputs by name, in inference, for inputs in the specs' order.

    A dict of outputs goes by its keys, anything else by the names of the outputs.
    """
    structure = model.input if model.inputs else model.save_spec()[0][0]
    packed = tf.nest.pack_sequence_as(structure, list(inputs.values()))
    outputs = model(packed, training=False)
    tensors = tf.nest.flatten(outputs)
    names = _keys(outputs) or list(getattr(model, "output_names", None) or ())
    if len(names) != len(tensors):
        names = [f"output_{index + 1}" for index in range(len(tensors))]
    return dict(zip(unique_names(names), tensors, strict=True))


def expected_outputs(
    model: keras.Model, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What the model itself computes, as arrays by output name.

    In a compiled function, as exports run: with operations one by one, half-precision
    results would differ.

    Raises:
        LotteryError: the model cannot compute with these inputs.
    """
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    try:
        return computed(lambda values: call(model, values), tensors)
    except (LotteryError, MemoryError):
        raise
    except Exception as error:  # whatever the model's own code raises
        reason = " ".join(str(error).split())[:300]
        raise LotteryError(
            f"model {model.name!r} cannot compute with the inputs to verify with: "
            f"{type(error).__name__}: {reason}; pass batch=, some inputs as it takes "
            "them."
        ) from error


def computed(
    function: Callable[[dict[str, Any]], dict[str, Any]], tensors: dict[str, Any]
) -> dict[str, np.ndarray]:
    """What a function of named tensors gives when it is compiled, as arrays."""
    # Made concrete by hand: TensorFlow would warn of one trace for each export.
    concrete = tf.function(function, autograph=False).get_concrete_function(tensors)
    return {name: value.numpy() for name, value in concrete(tensors).items()}


def _keys(structure: Any) -> list[str]:
    """The keys of a flat dict in the order of its flattened values."""
    flat = isinstance(structure, dict) and not any(
        tf.nest.is_nested(value) for value in structure.values()
    )
    return sorted(structure) if flat else []


def argument_name(name: str) -> str:
    """A name as TensorFlow has it for an argument: ASCII letters, digits, "_"."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if plain[:1].isalpha() else "input_" + plain.lstrip("_")


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
