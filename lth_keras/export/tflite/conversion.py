"""Models through TensorFlow's TFLite converter: at the batch size that it can, in the
precision that it has, and with its errors told in one line.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.export import model_io
from lth_keras.export.report import LayerNonzeros
from lth_keras.export.serving import DEFAULT, Served, Signature
from lth_keras.export.tflite.printed_errors import printed_once
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.storage import files, paths

# Ranges of activations are known well after this many examples.
_CALIBRATION = 200
_NAMED = 5
# What the file computes in float32.
_OTHERS = {"float16", "bfloat16", "float64"}
_POLICIES = {*_OTHERS, "mixed_float16", "mixed_bfloat16"}


class Conversion:
    """Conversions of one model: first of the dense network, then of the model.

    Attributes:
        signature: with the batch size that was possible.
        layers: the weights of the last conversion that was not of the dense network.
        notes: sentences for the report.
    """

    def __init__(self, model: keras.Model, signature: Signature, aside: str):
        self._model = _in_float32(model)
        self._aside = aside
        self.signature = signature
        self.layers: list[LayerNonzeros] = []
        self.notes: list[str] = []
        self._loops = False
        if self._model is not model:
            dtypes = _listed(_other_dtypes(model))
            self.notes.append(
                f"TFLite has few operations in {dtypes}: the file computes in float32 "
                f"what the model computes in {dtypes}."
            )

    def run_dense(self) -> bytes:
        """The file's content for the network without zeros, in float32."""
        content = self._at_any_batch(True, None, None)
        self._loops = _has_loops(content)
        return content

    def run(
        self, sparse: bool, quantize: str | None, examples: dict[str, Any] | None
    ) -> bytes:
        """The content of the file.

        Args:
            sparse: whether weights with enough zeros are stored sparse.
            quantize: None, "float16" or "int8".
            examples: what the model takes, for "int8".

        Raises:
            LotteryError: TFLite cannot convert the model; the message says why.
        """
        # Imported late: the schema they read is large, and few need it.
        from lth_keras.export.tflite import scales as tflite_scales
        from lth_keras.export.tflite import sparse as tflite_sparse

        if examples is not None and self._loops and not self._has_free_batch:
            # TensorFlow would end the whole process by a segmentation fault.
            raise LotteryError(_loop_reason(self._model))
        content = self._at_any_batch(False, quantize, examples)
        if examples is not None:
            measured, content = content, tflite_scales.accepted(content)
            if content is not measured:
                self.notes.append(
                    "the output of some layer did not move on the representative "
                    "inputs: the file holds it still on others too; give more of "
                    "them if it should move."
                )
        return tflite_sparse.sparsified(content, sparse)

    @property
    def _has_free_batch(self) -> bool:
        return model_io.has_free_batch(self.signature.specs)

    def _at_any_batch(
        self, dense: bool, quantize: str | None, examples: dict[str, Any] | None
    ) -> bytes:
        try:
            return self._convert(dense, quantize, examples)
        except LotteryError:
            if not self._has_free_batch:
                raise
        self.signature = _for_one_example(self.signature)
        content = self._convert(dense, quantize, examples)
        self.notes.append(
            "TFLite converts this model only for a fixed batch size: the file "
            "takes one example per call."
        )
        return content

    def _convert(
        self,
        dense: bool,
        quantize: str | None,
        examples: dict[str, Any] | None,
    ) -> bytes:
        place = os.path.join(self._aside, files.temporary_name())
        try:
            served = Served(
                self._model, {DEFAULT: self.signature}, packed=False, dense=dense
            )
            served.save(place)
            if not dense:
                self.layers = list(served.layers)
            del served
            converter = tf.lite.TFLiteConverter.from_saved_model(
                place, signature_keys=[DEFAULT]
            )
            # It has loaded the model and dropped it, and is going to load it again.
            gc.collect()
            # What the converter does to its file in Python takes three times the
            # file. Constants behind the flatbuffer are left alone; `sparsified` takes
            # them into it. The quantizer to int8 does not know such files.
            compat.put_constants_behind(converter, examples is None)
            if quantize:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantize == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if examples is not None:
                converter.representative_dataset = lambda: _one_by_one(examples)
            with warnings.catch_warnings(), printed_once():
                # The interpreter that measures ranges warns of itself.
                warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter")
                content: bytes = converter.convert()
                return content
        except (LotteryError, MemoryError, OSError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:  # the converter raises whatever its parts raise
            raise LotteryError(_reason(self._model, str(error))) from error
        finally:
            paths.remove_directory(place)


def _in_float32(model: keras.Model) -> keras.Model:
    """The model, or a copy that computes in float32 where it uses another precision.

    A subclassed model cannot be copied, and stays as it is.
    """
    if not _other_dtypes(model) or not compat.is_functional(model):
        return model

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer.layer if isinstance(layer, PruneByLevel) else layer)
        if compat.is_input_layer(copy):
            return copy
        return type(copy).from_config(_in_policy(copy.get_config()))

    return rebuilt(model, convert)


def _other_dtypes(model: keras.Model) -> list[str]:
    used = {layer.compute_dtype for layer in compat.layers_within(model)}
    return sorted(used & _OTHERS)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _in_policy(config: Any) -> Any:
    """A layer's configuration with policies of other precisions as float32."""
    if isinstance(config, dict):
        return {
            key: _policy(value) if key == "dtype" else _in_policy(value)
            for key, value in config.items()
        }
    # Keras has lists of classes of its own, which no list of values makes.
    if isinstance(config, list):
        return [_in_policy(value) for value in config]
    if isinstance(config, tuple):
        return tuple(_in_policy(value) for value in config)
    return config


def _policy(value: Any) -> Any:
    """A layer's dtype in its configuration: a name, or a serialised policy."""
    name = value["config"].get("name") if isinstance(value, dict) else value
    return "float32" if name in _POLICIES else value


def _one_by_one(examples: dict[str, Any]) -> Iterator[dict[str, Any]]:
    count = min(_CALIBRATION, *(len(value) for value in examples.values()))
    for index in range(count):
        yield {name: value[index : index + 1] for name, value in examples.items()}


def _for_one_example(signature: Signature) -> Signature:
    specs = {
        name: tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name)
        for name, spec in signature.specs.items()
    }
    return dataclasses.replace(signature, specs=specs)


def _has_loops(content: bytes) -> bool:
    # Imported late, as above.
    from tensorflow.lite.python import schema_py_generated as schema

    found = schema.Model.GetRootAs(content, 0)
    codes = [found.OperatorCodes(i) for i in range(found.OperatorCodesLength())]
    return any(code.BuiltinCode() == schema.BuiltinOperator.WHILE for code in codes)


def _loop_reason(model: keras.Model) -> str:
    looping = [
        layer
        for layer in compat.layers_within(model)
        if isinstance(layer, keras.layers.RNN) and not layer.unroll
    ]
    return (
        f"model {model.name!r} cannot be quantized to int8: TFLite makes a loop of "
        f"{_named(looping)} and cannot measure the ranges in it; use unroll=True "
        "there, or quantize='float16'."
    )


def _reason(model: keras.Model, text: str) -> str:
    """One line that names the layers and ops of a converter's error."""
    parts = {
        part
        for path in re.findall(r'"([^"\s]+)@', text)
        for part in path.split("/")
        if part
    }
    ops = sorted(
        set(re.findall(r"tf\.([A-Z]\w+)", text))
        | set(re.findall(r"TF Select ops: (\w+)", text))
    )
    layers = [
        layer
        for layer in compat.layers_within(model)
        if layer.name in parts
        and not isinstance(layer, (keras.Model, PruneLowMagnitude))
        and not compat.is_input_layer(layer)
    ]
    if not layers and not ops:
        lines = [line for line in text.splitlines() if line.strip()]
        return (
            f"model {model.name!r} cannot be converted to TFLite: "
            f"{' '.join(lines[:1])[:300]}"
        )
    return (
        f"model {model.name!r} cannot be converted to TFLite, which has no "
        f"{', '.join(ops[:_NAMED]) or 'such operation'}: replace {_named(layers)}, or "
        "export a SavedModel."
    )


def _named(layers: list[keras.layers.Layer]) -> str:
    named = [f"{layer.name!r} ({type(layer).__name__})" for layer in layers[:_NAMED]]
    return ", ".join(named) or "some layer"
