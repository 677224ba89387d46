"""A model's inputs and outputs by name, as every format serves them.

input_specs(model)  # {"pixels": TensorSpec([None, 784], float32)}
expected_outputs(model, inputs)  # {"logits": array}: what the model itself computes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export.fresh_process import unique_names


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
