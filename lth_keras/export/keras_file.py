"""A pruned model as an ordinary `.keras` file."""

from __future__ import annotations

import contextlib
import inspect
import os
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.arguments import switches
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.export import destinations, exportable, model_io, staging, trial_inputs
from lth_keras.export.cases import Case, Written
from lth_keras.export.dense_counterpart import filled, is_pruned
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.report import ExportReport, held
from lth_keras.export.staging import Staged
from lth_keras.export.substitutes import alone
from lth_keras.masking import origins
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.weights import weights_of
from lth_keras.masking.wrapping import unwrap
from lth_keras.storage import paths


def export_keras(
    model: keras.Model,
    path: paths.PathLike,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
    verbose: bool = True,
) -> ExportReport:
    """Writes a `.keras` file with exact zeros, which plain tf_keras loads.

    It is as large as that of the dense model, but gzips to its density. The model in
    it is uncompiled, unless it is of a class of your own and not wrapped: that is saved
    as it is, with its optimizer.

    Args:
        model: a built tf_keras model, wrapped or not; it stays as it is.
        path: the file to make; it ends in ".keras".
        batch: what the model takes, to verify with; random by default.
        overwrite: whether a file at `path` is replaced.
        verify: whether the file is reloaded in a fresh process and compared.
        holds: which weights the model holds, for the report: "present", "trained" or
            "start".
        verbose: whether the report is printed.

    Returns:
        What was written: bytes, nonzeros by layer, what was verified.

    Raises:
        LotteryError: as of `export_saved_model`.
    """
    switches(overwrite=overwrite, verify=verify, verbose=verbose)
    stage = staged_keras(model, path, batch, overwrite, verify, holds)
    (report,) = staging.finish([stage], verify, verbose)
    return report


@contextlib.contextmanager
def staged_keras(
    model: keras.Model,
    path: paths.PathLike,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
) -> Iterator[Staged]:
    """`export_keras` as a stage for `staging.finish`."""
    sentence = held(holds)
    path = destinations.local_path(path)
    model = exportable.check_model(model)
    specs = model_io.input_specs(model)
    _check_loadable(model)
    if verify:
        _check_code(model)
    destinations.check_file(path, ".keras", overwrite)
    original = origins.original_of(model)
    with alone, destinations.temporary_directory(path) as aside:
        inputs = trial_inputs.example_inputs(model, batch)
        plain = _plain(model)
        written = os.path.join(aside, "export.keras")
        _save_keras(plain, written)
        layers = tuple(
            LayerNonzeros(w.path, w.shape, int(np.count_nonzero(w.read())), "dense")
            for w in weights_of(plain)
        )
        dense = written
        if original is not None:
            plain = _plain(original)
        if plain is not model:
            for weight in weights_of(plain):
                value = weight.read()
                if is_pruned(weight, int(np.count_nonzero(value))):
                    weight.write(filled(value))
            dense = os.path.join(aside, "dense.keras")
            _save_keras(plain, dense)
        del plain
        cases: tuple[Case, ...] = ()
        if verify:
            expected = model_io.expected_outputs(model, inputs)
            cases = (Case(inputs, expected),)
        yield staging.staged(
            Written(
                "keras",
                written,
                path,
                cases,
                staging.tolerance(model),
                dense,
                model_io.has_free_batch(specs),
                "export a SavedModel",
            ),
            sentence,
            {},
            layers,
            ["a .keras file stores zeros too; compressed, it is smaller."],
            original,
        )
        destinations.put_in_place(written, path, overwrite)


def _check_loadable(model: keras.Model) -> None:
    """Refuses weights that tf_keras writes to a `.keras` file but cannot read."""
    for weight in weights_of(model):
        if compat.raw_variable(weight.variable).dtype == tf.bfloat16:
            raise LotteryError(
                f"weight {weight.path} of model {model.name!r} is bfloat16, which "
                "tf_keras does not load from a .keras file: export a SavedModel, or "
                "build the model with the policy mixed_bfloat16."
            )


def _check_code(model: keras.Model) -> None:
    """Refuses Python code in the file, which Keras loads only if it is told to."""
    for layer in compat.layers_within(model):
        if _stores_code(layer):
            raise LotteryError(
                f"layer {layer.name!r} ({type(layer).__name__}) of model "
                f"{model.name!r} computes with a Python function that a .keras file "
                "holds as code, which Keras does not load: write a layer class of it, "
                "or export a SavedModel."
            )


def _stores_code(layer: keras.layers.Layer) -> bool:
    """Whether the layer's configuration holds a function by its code."""
    if isinstance(layer, keras.layers.Lambda):
        config = layer.get_config()
        kinds = ("function_type", "mask_type", "output_shape_type")
        return any(config.get(kind) == "lambda" for kind in kinds)
    # Asked of the constructor: get_config warns of a lambda at length.
    named = inspect.signature(type(layer).__init__).parameters
    return any(
        isinstance(value, types.FunctionType) and value.__name__ == "<lambda>"
        for name, value in vars(layer).items()
        if name in named
    )


def _plain(model: keras.Model) -> keras.Model:
    """An uncompiled copy without wrappers; the model itself, if it is subclassed."""
    if any(isinstance(m, PruneLowMagnitude) for m in compat.layers_within(model)):
        return unwrap(model)
    if not compat.is_functional(model) or type(model) not in compat.keras_classes():
        return model
    return rebuilt(model, copied)


def _save_keras(model: keras.Model, path: str) -> None:
    try:
        model.save(path)
    except (OSError, tf.errors.OpError):
        raise
    except Exception as error:  # whatever a layer's get_config raises
        reason = " ".join(str(error).split())[:300]
        raise LotteryError(
            f"model {model.name!r} cannot be saved as .keras: {type(error).__name__}: "
            f"{reason}"
        ) from error
