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
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from lth_keras import compat, files, state
from lth_keras.compat import LotteryError, PruneLowMagnitude, keras
from lth_keras.export_report import ExportReport, LayerNonzeros, sizes
from lth_keras.verification import Written, verify
from lth_keras.weights import weights_of
from lth_keras.wrappers import PruneByLevel

# Largest difference over largest value that each floating type may cause: rounding in
# float32 depends on the order of sums, which differs between runtimes.
_TOLERANCES = {"float32": 1e-4, "float64": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}


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
        LotteryError: one cannot be written, or is wrong; then no path has changed.
    """
    with contextlib.ExitStack() as stack:
        staged = [stack.enter_context(stage) for stage in stages]
        reports = [item.report for item in staged]
        if verified:
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
        LotteryError: not a tf_keras model, wrapped by stock tfmot, or weights are not
            on their masks or hold NaN.
    """
    compat.require_tf_keras_model(model)
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
        state.verify(model)
    for weight in weights_of(model):
        value = weight.read()
        # Every other value is itself, and bfloat16 is no kind of float to NumPy.
        if value.dtype.kind in "fcV" and (value != value).any():
            raise LotteryError(
                f"weight {weight.path} of model {model.name!r} holds NaN: export a "
                "level whose training did not diverge."
            )


def local_path(path: files.PathLike) -> str:
    """The path as text.

    Raises:
        LotteryError: it is remote.
    """
    path = files.as_path(path)
    if files.is_remote(path):
        raise LotteryError(
            f"path {path} is remote, where a fresh process cannot verify an export: "
            "export to a local path, and copy it."
        )
    return path.rstrip(os.sep) or path


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
    if files.exists(path) and not overwrite:
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
    files.make_directory(parent)
    place = os.path.join(parent, files.temporary_name())
    try:
        with files.errors_naming(near, "write"):
            os.mkdir(place)
            try:
                yield place
            finally:
                files.remove(place)
    except LotteryError as error:
        # The user knows no other place than the one asked for.
        if place not in str(error):
            raise
        text = re.sub(rf"{re.escape(place)}(/[\w.-]+)?", lambda _: near, str(error))
        raise LotteryError(text) from error


def tolerance(model: keras.Model, *dtypes: str) -> float:
    """How far outputs may be off, for the dtypes that the model computes in.

    Args:
        model: a built model; its layers' compute dtypes count.
        *dtypes: others that the export rounds to.
    """
    used = {*dtypes, *(layer.compute_dtype for layer in compat.layers_within(model))}
    return max(_TOLERANCES.get(dtype or "", 0.0) for dtype in (*used, "float32"))
