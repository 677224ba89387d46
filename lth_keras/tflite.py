"""TFLite exports whose size follows density.

report = lth.export_tflite(model, "lenet.tflite")

What is written is reloaded by the interpreter in a fresh process before it takes its
place; the path then holds a complete file or what was there before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat, files, model_io, staging
from lth_keras.compat import LotteryError, PruneLowMagnitude, keras
from lth_keras.copying import copied, rebuilt
from lth_keras.export_report import ExportReport, LayerNonzeros, held
from lth_keras.serving import DEFAULT, Served, Signature, signatures_of
from lth_keras.staging import Staged
from lth_keras.verification import Case, Written
from lth_keras.wrappers import PruneByLevel

QUANTIZATIONS = (None, "float16", "int8")
# Ranges of activations are known well after this many examples.
_CALIBRATION = 200
# Largest difference over largest value that 8 bits may cause.
_INT8_TOLERANCE = 0.2
_NAMED = 5
_HALF = {"float16", "bfloat16"}
_HALF_POLICIES = {*_HALF, "mixed_float16", "mixed_bfloat16"}


def export_tflite(
    model: keras.Model,
    path: files.PathLike,
    sparse: bool = True,
    quantize: str | None = None,
    representative: Any = None,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
    verbose: bool = True,
) -> ExportReport:
    """Writes a TFLite file, with one signature, `serving_default`.

    Inputs and outputs keep their names and stay floats, quantized or not. The batch
    size is free, but for models that TFLite converts only with a fixed one (recurrent
    layers): these take one example, and the report says so.

    Args:
        model: a built tf_keras model, wrapped or not; it stays as it is.
        path: the file to make; it ends in ".tflite".
        sparse: whether weights with enough zeros are stored as their nonzero values.
        quantize: None, "float16" (weights only) or "int8" (weights and activations).
        representative: for "int8", inputs as the model takes them, from which the
            ranges of activations are measured; at most 200 examples are used.
        batch: what the model takes, to verify with; random by default.
        overwrite: whether a file at `path` is replaced.
        verify: whether the file is reloaded in a fresh process and compared.
        holds: which weights the model holds, for the report: "present", "trained" or
            "start".
        verbose: whether the report is printed.

    Raises:
        LotteryError: an argument is not allowed, the model cannot be exported (the
            message names the layers that TFLite does not convert), `path` is taken,
            there is no space, or what was written computes something else. Nothing is
            left at `path` then, or what was there before.
    """
    stage = staged_tflite(
        model, path, sparse, quantize, representative, batch, overwrite, verify, holds
    )
    (report,) = staging.finish([stage], verify, verbose)
    return report


@contextlib.contextmanager
def staged_tflite(
    model: keras.Model,
    path: files.PathLike,
    sparse: bool = True,
    quantize: str | None = None,
    representative: Any = None,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
) -> Iterator[Staged]:
    """`export_tflite` as a stage for `staging.finish`."""
    sentence = held(holds)
    if quantize not in QUANTIZATIONS:
        raise LotteryError(
            f"quantize={quantize!r} is not allowed: use None, 'float16' or 'int8'."
        )
    if (quantize == "int8") != (representative is not None):
        raise LotteryError(
            "quantize='int8' needs representative=x, some inputs as the model takes "
            "them, to measure the ranges of activations."
            if quantize == "int8"
            else f"representative is only for quantize='int8', got {quantize!r}."
        )
    path = staging.local_path(path)
    staging.check_model(model)
    signature = signatures_of(model, None)[DEFAULT]
    staging.check_file(path, ".tflite", overwrite)
    inputs = model_io.example_inputs(model, batch)
    examples = None
    if representative is not None:
        examples = model_io.example_inputs(model, representative)
    # Before anything is written, as errors below are taken for those of the disk.
    expected = model_io.expected_outputs(model, inputs) if verify else {}
    with staging.temporary_directory(path) as aside:
        conversion = _Conversion(model, signature, aside)
        content = conversion.run(sparse, quantize, examples)
        written = os.path.join(aside, "export.tflite")
        dense = os.path.join(aside, "dense.tflite")
        files.write_bytes(written, content)
        layers = _layers(conversion.layers, content)
        files.write_bytes(dense, conversion.run_dense())
        free = model_io.has_free_batch(conversion.signature.specs)
        cases: tuple[Case, ...] = ()
        if verify:
            if not free:
                size = _batch_size(conversion.signature)
                inputs = {name: value[:size] for name, value in inputs.items()}
                expected = model_io.expected_outputs(model, inputs)
            cases = (Case(inputs, expected),)
        notes = list(conversion.notes)
        if sparse and all(layer.stored == "dense" for layer in layers):
            notes.append("no weight has enough zeros to be stored sparse; all dense.")
        yield staging.staged(
            Written(
                "tflite",
                written,
                path,
                cases,
                _tolerance(model, quantize),
                dense,
                free,
            ),
            sentence,
            {"sparse": sparse, "quantize": quantize},
            layers,
            notes,
        )
        os.replace(written, path)


class _Conversion:
    """Conversions of one model, all for the same batch size.

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
        if self._model is not model:
            self.notes.append(
                "TFLite has no operations in half precision: the file computes in "
                "float32 what the model computes in less."
            )

    def run(
        self, sparse: bool, quantize: str | None, examples: dict[str, Any] | None
    ) -> bytes:
        """The content of the file."""
        try:
            content = self._convert(False, quantize, examples)
        except LotteryError:
            if not model_io.has_free_batch(self.signature.specs):
                raise
            self.signature = _for_one_example(self.signature)
            content = self._convert(False, quantize, examples)
            self.notes.append(
                "TFLite converts this model only for a fixed batch size: the file "
                "takes one example per call."
            )
        if not sparse:
            return content
        # Imported late: the schema it reads is large, and few need it.
        from lth_keras import tflite_sparse

        return tflite_sparse.sparsified(content)

    def run_dense(self) -> bytes:
        """The same for the network without zeros, in float32."""
        return self._convert(True, None, None)

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
            if quantize:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantize == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if examples is not None:
                converter.representative_dataset = lambda: _one_by_one(examples)
            with warnings.catch_warnings():
                # The interpreter that measures ranges warns of itself.
                warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter")
                return bytes(converter.convert())
        except (LotteryError, MemoryError, OSError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:  # the converter raises whatever its parts raise
            raise LotteryError(_reason(self._model, str(error))) from error
        finally:
            files.remove_directory(place)


def _in_float32(model: keras.Model) -> keras.Model:
    """The model, or a copy that computes in float32 where it uses half precision.

    A subclassed model cannot be copied, and stays as it is.
    """
    used = {layer.compute_dtype for layer in compat.layers_within(model)}
    if not used & _HALF or not compat.is_functional(model):
        return model

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer.layer if isinstance(layer, PruneByLevel) else layer)
        if compat.is_input_layer(copy):
            return copy
        return type(copy).from_config(_widened(copy.get_config()))

    return rebuilt(model, convert)


def _widened(config: Any) -> Any:
    """A layer's configuration with policies of half precision as float32."""
    if isinstance(config, dict):
        return {
            key: _policy(value) if key == "dtype" else _widened(value)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_widened(value) for value in config)
    return config


def _policy(value: Any) -> Any:
    """A layer's dtype in its configuration: a name, or a serialised policy."""
    name = value["config"].get("name") if isinstance(value, dict) else value
    return "float32" if name in _HALF_POLICIES else value


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


def _batch_size(signature: Signature) -> int:
    sizes = [spec.shape[0] for spec in signature.specs.values() if spec.shape.rank]
    return next((int(size) for size in sizes if size is not None), 1)


def _tolerance(model: keras.Model, quantize: str | None) -> float:
    if quantize == "int8":
        return _INT8_TOLERANCE
    return staging.tolerance(model, *([quantize] if quantize else []))


def _layers(layers: list[LayerNonzeros], content: bytes) -> tuple[LayerNonzeros, ...]:
    """The layers, with how the file stores each."""
    from lth_keras import tflite_sparse

    shapes = tflite_sparse.sparse_shapes(content)
    return tuple(
        dataclasses.replace(
            layer,
            stored="sparse" if _reordered(layer.shape) in shapes else "dense",
        )
        for layer in layers
    )


def _reordered(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Keras's kernel shape [..., in, out] as TFLite has it, [out, ..., in]."""
    return (*shape[-1:], *shape[:-1])


def _reason(model: keras.Model, text: str) -> str:
    """One line that names the layers and ops of a converter's error."""
    parts = {
        part
        for path in re.findall(r'"([^"]+?)[:@"]', text)
        for part in path.split("/")
        if part
    }
    ops = sorted(
        set(re.findall(r"tf\.([A-Z]\w+)", text))
        | set(re.findall(r"TF Select ops: (\w+)", text))
    )
    layers = [
        f"{layer.name!r} ({type(layer).__name__})"
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
    named = ", ".join(layers[:_NAMED]) or "some layer"
    return (
        f"model {model.name!r} cannot be converted to TFLite, which has no "
        f"{', '.join(ops[:_NAMED]) or 'such operation'}: replace {named}, or export a "
        "SavedModel."
    )
