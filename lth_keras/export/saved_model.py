"""Serving exports whose size follows density: SavedModel and `.keras`.

    report = lth.export_saved_model(model, "served/lenet/1")
    report = lth.export_keras(model, "lenet.keras")

Each loads where neither this package nor tfmot is installed (the SavedModel without
Keras too), and is reloaded in such a process before it takes its place.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.arguments import among, switches
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.export import destinations, exportable, model_io, staging, trial_inputs
from lth_keras.export.cases import Case, Written
from lth_keras.export.packed import VALUES_DTYPES
from lth_keras.export.report import ExportReport, held
from lth_keras.export.serving import Served
from lth_keras.export.signatures import DEFAULT, Signature, Signatures, signatures_of
from lth_keras.export.staging import Staged
from lth_keras.export.substitutes import alone
from lth_keras.masking import origins
from lth_keras.storage import directories, paths


def export_saved_model(
    model: keras.Model,
    path: paths.PathLike,
    packed: bool = True,
    values_dtype: str = "float32",
    signatures: Signatures | None = None,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
    verbose: bool = True,
) -> ExportReport:
    """Writes a SavedModel with a `serving_default` signature.

    Inputs and outputs go by their names in the model (by their keys, where they are
    dicts), and the batch size is free where the model's is.

    No other thread may use the model during an export, for its layers read other
    tensors while they are traced. Exports in several threads wait for each other.

    Args:
        model: a built tf_keras model, wrapped or not, trained or not; it stays as it
            is.
        path: the directory to make; for TensorFlow Serving, NAME/VERSION.
        packed: whether each weight with enough exact zeros is stored as a bitmask and
            its nonzero values, from which the dense weight is made once, at load.
            Otherwise the weights are plain variables.
        values_dtype: "float32" stores packed values as they are; "float16" and
            "bfloat16" round them. The report gives the change in the outputs.
        signatures: further signatures, {name: f} or {name: (f, {input: TensorSpec})}
            with f(model, inputs) -> tensor, list of tensors or {output: tensor}.
            `inputs` are tensors by name, those of serving_default unless specs are
            given. A variable or lookup table that f names is saved with it; one that
            cannot be found must be an attribute of the model.
        batch: what the model takes, to verify with; random by default.
        overwrite: whether a SavedModel at `path` is replaced.
        verify: whether the export is reloaded in a fresh process and compared.
        holds: which weights the model holds, for the report: "present", "trained" or
            "start".
        verbose: whether the report is printed.

    Raises:
        LotteryError: an argument is not allowed, the model cannot be exported, `path`
            is taken, there is no space, or what was written computes something else.
            Nothing is left at `path` then, or what was there before.
    """
    switches(packed=packed, overwrite=overwrite, verify=verify, verbose=verbose)
    stage = staged_saved_model(
        model, path, packed, values_dtype, signatures, batch, overwrite, verify, holds
    )
    (report,) = staging.finish([stage], verify, verbose)
    return report


@contextlib.contextmanager
def staged_saved_model(
    model: keras.Model,
    path: paths.PathLike,
    packed: bool = True,
    values_dtype: str = "float32",
    signatures: Signatures | None = None,
    batch: Any = None,
    overwrite: bool = False,
    verify: bool = True,
    holds: str = "present",
) -> Iterator[Staged]:
    """`export_saved_model` as a stage for `staging.finish`."""
    if not among(values_dtype, VALUES_DTYPES):
        raise LotteryError(
            f"values_dtype={shown(values_dtype)} is not allowed: use one of "
            f"{', '.join(VALUES_DTYPES)}."
        )
    if values_dtype != "float32" and not packed:
        raise LotteryError(
            f"values_dtype={values_dtype!r} needs packed=True: a plain SavedModel "
            "stores the weights as they are."
        )
    sentence = held(holds)
    path = destinations.local_path(path)
    model = exportable.check_model(model)
    traced = signatures_of(model, signatures)
    destinations.check_saved_model(path, overwrite)
    original = origins.original_of(model)
    with (
        alone,
        directories.atomic_directory(path, overwrite) as place,
        destinations.temporary_directory(path) as aside,
    ):
        inputs = trial_inputs.example_inputs(model, batch)
        served = _served(model, traced, packed=packed, values_dtype=values_dtype)
        served.save(place)
        layers, narrowed = tuple(served.layers), served.narrowed
        # Its packed weights would be in memory beside the dense ones.
        del served
        dense = os.path.join(aside, "dense")
        _dense(model, original, traced).save(dense)
        cases = _cases(model, traced, inputs) if verify else ()
        notes = []
        if packed and not any(layer.stored == "bitmask" for layer in layers):
            notes.append("no weight has enough zeros to be smaller packed; all dense.")
        yield staging.staged(
            Written(
                "saved_model",
                place,
                path,
                cases,
                staging.tolerance(model, *([values_dtype] if narrowed else [])),
                dense,
                model_io.has_free_batch(traced[DEFAULT].specs),
                _remedy(packed, narrowed),
            ),
            sentence,
            {"packed": packed, "values_dtype": values_dtype},
            layers,
            notes,
            original,
        )


def _remedy(packed: bool, narrowed: bool) -> str:
    if narrowed:
        return "use values_dtype='float32'"
    return "use packed=False" if packed else "export another format"


def _served(
    model: keras.Model, signatures: Mapping[str, Signature], **settings: Any
) -> Served:
    """`Served`, whose errors of tracing the user's model fit in one line."""
    try:
        return Served(model, signatures, **settings)
    except (LotteryError, MemoryError):
        raise
    except Exception as error:  # whatever the model's own code raises
        reason = " ".join(str(error).split())[:300]
        raise LotteryError(
            f"model {model.name!r} cannot be traced for export: "
            f"{type(error).__name__}: {reason}"
        ) from error


def _dense(
    model: keras.Model,
    original: keras.Model | None,
    signatures: Mapping[str, Signature],
) -> Served:
    """The dense network to compare with, that of a compacted model before that."""
    if original is None:
        return _served(model, signatures, packed=False, dense=True)
    # Other signatures may ask for what only the caller's model has.
    own = {DEFAULT: signatures[DEFAULT]}
    return _served(original, own, packed=False, dense=True)


def _cases(
    model: keras.Model,
    signatures: Mapping[str, Signature],
    inputs: Mapping[str, np.ndarray],
) -> tuple[Case, ...]:
    """What each signature must compute."""
    found = [Case(inputs, model_io.expected_outputs(model, inputs))]
    common = signatures[DEFAULT].specs
    for name, signature in signatures.items():
        if name == DEFAULT:
            continue
        own = inputs
        if signature.specs != common:
            own = trial_inputs.random_inputs(signature.specs)

        tensors = {key: tf.constant(value) for key, value in own.items()}
        arrays = model_io.computed(functools.partial(signature, model), tensors)
        found.append(Case(own, arrays, name))
    return tuple(found)
