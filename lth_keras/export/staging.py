"""Exports written aside, verified together, and put in their places only then.

Each format gives a context manager that writes to a temporary place, yields a
`Staged`, and moves it to its place when it is left without an error:

    (report,) = finish([staged_saved_model(model, path)])
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.export.report import ExportReport, LayerNonzeros, sizes
from lth_keras.export.verification import Written, verify
from lth_keras.masking import acts
from lth_keras.masking.weights import weights_of
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.storage import directories, files, paths

# Largest difference over largest value that each floating type may cause: rounding in
# float32 depends on the order of sums, which differs between runtimes.
_TOLERANCES = {"float32": 1e-4, "float64": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}

# What lies in the directory of a SavedModel; there may be any files in its assets.
_SAVED_MODEL = {
    "assets",
    "assets.extra",
    "debug",
    "fingerprint.pb",
    "keras_metadata.pb",
    "saved_model.pb",
    "saved_model.pbtxt",
    "variables",
}


@dataclasses.dataclass(frozen=True)
class Staged:
    """An export in its temporary place.

    Attributes:
        written: what to verify.
        report: the report, but for what verification finds.
    """

    written: Written
    report: ExportReport


def staged(
    written: Written,
    holds: str,
    settings: dict[str, Any],
    layers: tuple[LayerNonzeros, ...],
    notes: Iterable[str] = (),
) -> Staged:
    """An export as it lies there, with the report of what is known before it is run.

    Args:
        written: the export and its dense counterpart, both complete.
        holds: which weights it holds, a sentence of `export_report.held`.
        settings: what was asked of the format.
        layers: nonzeros of each weight.
        notes: sentences for the report.
    """
    bytes_, zipped = sizes(written.path)
    dense_bytes, dense_zipped = sizes(written.dense or written.path)
    report = ExportReport(
        format=written.format,
        path=written.name,
        holds=holds,
        settings=settings,
        bytes=bytes_,
        gzip_bytes=zipped,
        dense_bytes=dense_bytes,
        dense_gzip_bytes=dense_zipped,
        layers=layers,
        notes=tuple(notes),
    )
    return Staged(written, report)


def finish(
    stages: Iterable[AbstractContextManager[Staged]],
    verified: bool = True,
    verbose: bool = True,
) -> list[ExportReport]:
    """Writes, verifies and puts in place several exports, or none of them.

    Args:
        stages: one context manager for each export.
        verified: whether they are reloaded in a fresh process (one for all, and
            another one for `.keras` files).
        verbose: whether the reports are printed.

    Returns:
        A report of each, in order.

    Raises:
        LotteryError: one cannot be written, or is wrong; then no path has changed. Or
            the last step fails, which gives each its name, the last one first: those
            before it have theirs then. Where that must not be, let the stages write to
            one `directories.atomic_directory`.
    """
    with contextlib.ExitStack() as stack:
        staged = [stack.enter_context(stage) for stage in stages]
        reports = [item.report for item in staged]
        if verified:
            # What it needs lies there, and not where the exports do.
            with paths.errors_naming(tempfile.gettempdir(), "verify with files in"):
                found = verify([item.written for item in staged])
            reports = [
                dataclasses.replace(report, found=entry)
                for report, entry in zip(reports, found, strict=True)
            ]
    if verbose:
        for report in reports:
            print(report, flush=True)
    return reports


def check_model(model: keras.Model) -> None:
    """Refuses a model that would not be exported as the ticket that it is.

    Raises:
        LotteryError: called in a graph, not a tf_keras model, wrapped by stock tfmot,
            a layer keeps states between batches, or weights are not on their masks or
            hold NaN.
    """
    if not tf.executing_eagerly():
        raise LotteryError(
            "an export needs eager execution: call it outside of tf.Graph(), "
            "tf.function and tf.compat.v1.disable_eager_execution()."
        )
    compat.require_tf_keras_model(model)
    for layer in compat.layers_within(model):
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise LotteryError(
                f"layer {layer.name!r} of model {model.name!r} keeps its states from "
                "batch to batch, which no export does: build the model with "
                "stateful=False and give it these weights, by "
                "set_weights(model.get_weights())."
            )
    wrappers = [
        m for m in compat.layers_within(model) if isinstance(m, PruneLowMagnitude)
    ]
    if not all(isinstance(wrapper, PruneByLevel) for wrapper in wrappers):
        raise LotteryError(
            f"model {model.name!r} is wrapped by stock tfmot: export what "
            "tfmot.sparsity.keras.strip_pruning(model) returns."
        )
    if not model.built:
        return
    if wrappers:
        acts.verify(model)
    for weight in weights_of(model):
        value = weight.read()
        # Every other value is itself, and bfloat16 is no kind of float to NumPy.
        if value.dtype.kind in "fcV" and (value != value).any():
            raise LotteryError(
                f"weight {weight.path} of model {model.name!r} holds NaN: export a "
                "level whose training did not diverge."
            )


def local_path(path: paths.PathLike) -> str:
    """The path as text; of a symbolic link, what it leads to.

    Raises:
        LotteryError: it is remote, or a link that leads to itself.
    """
    path = paths.as_path(path)
    if paths.is_remote(path):
        raise LotteryError(
            f"path {path} is remote, where a fresh process cannot verify an export: "
            "export to a local path, and copy it."
        )
    path = path.rstrip(os.sep) or path
    if not os.path.islink(path):
        return path
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise LotteryError(
            f"{path} is a link that leads to itself; choose another path"
        )
    return target


def check_saved_model(path: str, overwrite: bool) -> None:
    """Lets `overwrite` replace a SavedModel, and nothing else.

    Raises:
        LotteryError: something else lies there, or beside what a SavedModel has.
    """
    if not overwrite or not paths.exists(path):
        return
    names = paths.list_directory(path) if os.path.isdir(path) else ["(a file)"]
    if names and not {"saved_model.pb", "saved_model.pbtxt"} & {*names}:
        raise LotteryError(
            f"{path} is no SavedModel, so overwrite=True does not replace it; choose "
            "another path"
        )
    other = not_of_saved_model(path)
    if other:
        raise LotteryError(
            f"{os.path.join(path, other)} is no part of a SavedModel, so "
            "overwrite=True does not remove it: move it away, or choose another path"
        )


def not_of_saved_model(path: str) -> str | None:
    """A name in the directory `path` that no SavedModel has, if there is one."""
    for name in paths.list_directory(path):
        if name not in _SAVED_MODEL:
            return name
    variables = os.path.join(path, "variables")
    for name in paths.list_directory(variables):
        if not name.startswith("variables."):
            return os.path.join("variables", name)
    return None


def check_file(path: str, suffix: str, overwrite: bool) -> None:
    """Refuses a path where a file of this suffix must not be written.

    Raises:
        LotteryError: the suffix is another, or the path exists and is not to be
            overwritten.
    """
    if not path.endswith(suffix):
        raise LotteryError(f"path {path} must end with {suffix}: use {path}{suffix}.")
    if os.path.isdir(path):
        raise LotteryError(f"{path} is a directory; choose another path")
    if paths.exists(path) and not overwrite:
        raise LotteryError(
            f"{path} exists; remove it, choose another path or pass overwrite=True"
        )


@contextlib.contextmanager
def temporary_directory(near: str) -> Iterator[str]:
    """A directory beside `near`, removed afterwards; its errors name `near`.

    Raises:
        LotteryError: what is written there cannot be (no space left).
    """
    parent = os.path.dirname(near) or "."
    place = os.path.join(parent, files.temporary_name())
    try:
        with directories.made(parent), paths.errors_naming(near, "write"):
            os.mkdir(place)
            try:
                yield place
            finally:
                paths.remove(place)
    except LotteryError as error:
        # The user knows no other place than the one asked for.
        if place not in str(error):
            raise
        text = re.sub(rf"{re.escape(place)}(/[\w.-]+)?", lambda _: near, str(error))
        raise LotteryError(text) from error


def put_in_place(written: str, path: str, overwrite: bool) -> None:
    """Gives a complete local file its name, in one step.

    Of several processes that put a file at one path without `overwrite`, one does.

    Args:
        written: the file, on the file system of `path`; it is gone afterwards.
        path: its name.
        overwrite: whether a file of that name is replaced.

    Raises:
        LotteryError: `path` exists and is not to be overwritten.
        OSError: it cannot be put there; see `files.errors_naming`.
    """
    if overwrite:
        os.replace(written, path)
        return
    try:
        try:
            os.link(written, path)
        except FileExistsError:
            raise
        except OSError:  # Not every file system has links: the name is taken first.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            try:
                os.replace(written, path)
            except BaseException:
                os.unlink(path)
                raise
            return
    except FileExistsError:
        raise LotteryError(
            f"{path} exists; remove it, choose another path or pass overwrite=True"
        ) from None
    os.unlink(written)


def tolerance(model: keras.Model, *dtypes: str) -> float:
    """How far outputs may be off, for the dtypes that the model computes in.

    Args:
        model: a built model; its layers' compute dtypes count.
        *dtypes: others that the export rounds to.
    """
    used = {*dtypes, *(layer.compute_dtype for layer in compat.layers_within(model))}
    return max(_TOLERANCES.get(dtype or "", 0.0) for dtype in (*used, "float32"))
