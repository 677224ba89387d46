"""Which functions does an export offer? serving_default, and what was asked for.

    signatures_of(model, {"probabilities": lambda model, inputs: ...})

Each is a function of the model and its inputs by name. `traced` makes it concrete: it
reads the weights from where the model has them at that moment (`substitutes`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.export import model_io

DEFAULT = "serving_default"

# f(model, inputs by name) -> tensor, or tensors by output name.
SignatureFunction = Callable[[keras.Model, dict[str, Any]], Any]
Signatures = Mapping[
    str,
    SignatureFunction | tuple[SignatureFunction, Mapping[str, tf.TensorSpec]],
]


@dataclasses.dataclass(frozen=True)
class Signature:
    """One traced function of the export: `function(model, inputs)`."""

    function: SignatureFunction
    specs: Mapping[str, tf.TensorSpec]

    def __call__(self, model: keras.Model, inputs: dict[str, Any]) -> dict[str, Any]:
        function = self.function
        if hasattr(function, "python_function"):
            # A tf.function would give the trace of another export.
            function = tf.function(function.python_function)
        found = function(model, inputs)
        if isinstance(found, (list, tuple)):
            found = {f"output_{index}": value for index, value in enumerate(found)}
        elif not isinstance(found, Mapping):
            found = {"output": found}
        return {name: _dense(name, value) for name, value in found.items()}


def signatures_of(model: keras.Model, extra: Signatures | None) -> dict[str, Signature]:
    """serving_default, and what else was asked for.

    Raises:
        LotteryError: the model has no inputs, an entry is not a function, or an input
            has a name that TensorFlow does not take.
    """
    specs = model_io.input_specs(model)
    found = {DEFAULT: Signature(model_io.call, specs)}
    extra = {} if extra is None else extra
    if not isinstance(extra, Mapping):
        raise LotteryError(
            f"signatures is a {type(extra).__name__}: give a dict, {{name: f}} or "
            "{name: (f, {input name: tf.TensorSpec})}."
        )
    for name, value in extra.items():
        pair = value if isinstance(value, tuple) else (value, specs)
        function, own = pair if len(pair) == 2 else (None, None)
        named = isinstance(name, str) and name not in ("", DEFAULT)
        told = isinstance(own, Mapping) and all(isinstance(key, str) for key in own)
        misspelt = [k for k in own if model_io.argument_name(k) != k] if told else []
        if misspelt:
            raise LotteryError(
                f"signatures[{shown(name)}] has an input {misspelt[0]!r}: use letters, "
                "digits and _, a letter first."
            )
        told = told and all(
            hasattr(spec, "shape") and hasattr(spec, "dtype") for spec in own.values()
        )
        if not (named and told and callable(function)):
            raise LotteryError(
                f"signatures[{shown(name)}] is not allowed: give names other than "
                f"{DEFAULT} with f(model, inputs) or (f, {{input: TensorSpec}})."
            )
        own_specs = {
            key: tf.TensorSpec(s.shape, s.dtype, key) for key, s in own.items()
        }
        found[name] = Signature(function, own_specs)
    return found


def _dense(name: Any, value: Any) -> Any:
    """The output of a signature as a tensor."""
    if isinstance(name, str) and not isinstance(
        value, (tf.RaggedTensor, tf.SparseTensor)
    ):
        with contextlib.suppress(TypeError, ValueError):
            return tf.convert_to_tensor(value)
    raise LotteryError(
        f"output {name!r} of a signature is a {type(value).__name__}: return a dense "
        "tensor, some in a list, or {output name: dense tensor}."
    )


def traced(model: keras.Model, signature: Signature) -> Any:
    """The concrete function of a signature: what the weights are read from is in it."""
    specs = signature.specs

    def run(**inputs: Any) -> dict[str, Any]:
        # The keywords come sorted, and a model takes its inputs in order.
        return signature(model, {name: inputs[name] for name in specs})

    return tf.function(run, autograph=False).get_concrete_function(**specs)
