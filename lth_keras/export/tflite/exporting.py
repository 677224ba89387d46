"""TFLite exports whose size follows density.

report = lth.export_tflite(model, "lenet.tflite")

What is written is reloaded by the interpreter in a fresh process before it takes its
place; the path then holds a complete file or what was there before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from lth_keras.arguments import among, switches
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.export import destinations, exportable, model_io, staging, trial_inputs
from lth_keras.export.cases import Case, Written
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.report import ExportReport, held
from lth_keras.export.signatures import DEFAULT, Signature, signatures_of
from lth_keras.export.staging import Staged
from lth_keras.export.substitutes import alone
from lth_keras.export.tflite.conversion import Conversion
from lth_keras.masking import origins
from lth_keras.masking.weights import weights_of
from lth_keras.storage import files, paths

QUANTIZATIONS = (None, "float16", "int8")
# Largest difference over largest value that 8 bits may cause.
_INT8_TOLERANCE = 0.2
# Examples of the representative ones that an int8 file is verified with.
_VERIFIED = 32


def export_tflite(
    model: keras.Model,
    path: paths.PathLike,
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

    The report says of each weight whether it is "sparse" or "dense" in the file;
    "absent" where the file holds nothing like it (zeros left out, or a BatchNorm that
    is folded into the layer before it); "unclear" where that cannot be told.

    TensorFlow's converter takes memory for about 4 times the dense model's weights,
    and its quantizer to int8 for about 10 times.

    Args:
        model: a built tf_keras model, wrapped or not; it stays as it is.
        path: the file to make; it ends in ".tflite".
        sparse: whether weights with enough zeros are stored as their nonzero values.
        quantize: None, "float16" (weights only) or "int8" (weights and activations).
        representative: for "int8", inputs as the model takes them, from which the
            ranges of activations are measured; at most 200 examples are used.
        batch: what the model takes, to verify with; by default some of
            `representative`, or random.
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
    switches(sparse=sparse, overwrite=overwrite, verify=verify, verbose=verbose)
    stage = staged_tflite(
        model, path, sparse, quantize, representative, batch, overwrite, verify, holds
    )
    (report,) = staging.finish([stage], verify, verbose)
    return report


@contextlib.contextmanager
def staged_tflite(
    model: keras.Model,
    path: paths.PathLike,
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
    if not among(quantize, QUANTIZATIONS):
        raise LotteryError(
            f"quantize={shown(quantize)} is not allowed: use None, 'float16' or 'int8'."
        )
    if (quantize == "int8") != (representative is not None):
        raise LotteryError(
            "quantize='int8' needs representative=x, some inputs as the model takes "
            "them, to measure the ranges of activations."
            if quantize == "int8"
            else f"representative is only for quantize='int8', got {quantize!r}."
        )
    path = destinations.local_path(path)
    model = exportable.check_model(model)
    signature = signatures_of(model, None)[DEFAULT]
    destinations.check_file(path, ".tflite", overwrite)
    original = origins.original_of(model)
    examples = None
    if representative is not None:
        examples = _representative(model, representative)
    if examples is not None and batch is None:
        # Others may lie outside of the ranges that these give.
        inputs = {name: value[:_VERIFIED] for name, value in examples.items()}
    else:
        inputs = trial_inputs.example_inputs(model, batch)
    # Before anything is written, as errors below are taken for those of the disk.
    with alone:
        expected = model_io.expected_outputs(model, inputs) if verify else {}
    with alone, destinations.temporary_directory(path) as aside:
        conversion = Conversion(model, signature, aside, original)
        dense = os.path.join(aside, "dense.tflite")
        files.write_bytes(dense, conversion.run_dense())
        content = conversion.run(sparse, quantize, examples)
        written = os.path.join(aside, "export.tflite")
        files.write_bytes(written, content)
        layers = _layers(model, conversion.layers, content)
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
                _remedy(sparse, quantize),
            ),
            sentence,
            {"sparse": sparse, "quantize": quantize},
            layers,
            notes,
            original,
        )
        destinations.put_in_place(written, path, overwrite)


def _representative(model: keras.Model, given: Any) -> dict[str, np.ndarray]:
    """The inputs to measure ranges from.

    Raises:
        LotteryError: they do not fit the model, or are not finite.
    """
    examples = trial_inputs.example_inputs(model, given)
    for name, value in examples.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise LotteryError(
                f"representative holds NaN or infinity for input {name!r}: it takes "
                "inputs as the model gets them in use."
            )
    return examples


def _batch_size(signature: Signature) -> int:
    sizes = [spec.shape[0] for spec in signature.specs.values() if spec.shape.rank]
    return next((int(size) for size in sizes if size is not None), 1)


def _tolerance(model: keras.Model, quantize: str | None) -> float:
    if quantize == "int8":
        return _INT8_TOLERANCE
    return staging.tolerance(model, *([quantize] if quantize else []))


def _remedy(sparse: bool, quantize: str | None) -> str:
    if quantize == "int8":
        return "give more representative inputs, or use quantize='float16'"
    if quantize == "float16":
        return "use quantize=None"
    return (
        "use sparse=False, or export a SavedModel" if sparse else "export a SavedModel"
    )


def _layers(
    model: keras.Model, layers: list[LayerNonzeros], content: bytes
) -> tuple[LayerNonzeros, ...]:
    """The layers, with how the file stores each."""
    # Imported late: the schema it reads is large, and few need it.
    from lth_keras.export.tflite import stored as tflite_stored

    weights = {weight.path: weight for weight in weights_of(model)}
    found = tflite_stored.stored_as(
        content,
        [(layer.size, layer.nonzeros) for layer in layers],
        lambda index: weights[layers[index].weight].read(),
    )
    return tuple(
        dataclasses.replace(layer, stored=stored)
        for layer, stored in zip(layers, found, strict=True)
    )
