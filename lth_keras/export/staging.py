"""Exports written aside, verified together, and put in their places only then.

Each format gives a context manager that writes to a temporary place, yields a
`Staged`, and moves it to its place when it is left without an error:

    (report,) = finish([staged_saved_model(model, path)])
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.export.cases import Written
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.report import ExportReport
from lth_keras.export.sizes import sizes
from lth_keras.export.verification import verify
from lth_keras.storage import paths

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
    original: keras.Model | None = None,
) -> Staged:
    """An export as it lies there, with the report of what is known before it is run.

    Args:
        written: the export and its dense counterpart, both complete.
        holds: which weights it holds, a sentence of `report.held`.
        settings: what was asked of the format.
        layers: nonzeros of each weight.
        notes: sentences for the report.
        original: the network before compaction, if `written.dense` is that.
    """
    count = None if original is None else int(original.count_params())
    if count is not None:
        left = sum(layer.size for layer in layers)
        notes = [
            *notes,
            f"dense is the network before compaction, of {count:,} weights; this one "
            f"has {left:,}.",
        ]
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
        original_weights=count,
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


def tolerance(model: keras.Model, *dtypes: str) -> float:
    """How far outputs may be off, for the dtypes that the model computes in.

    Args:
        model: a built model; its layers' compute dtypes count.
        *dtypes: others that the export rounds to.
    """
    used = {*dtypes, *(layer.compute_dtype for layer in compat.layers_within(model))}
    return max(_TOLERANCES.get(dtype or "", 0.0) for dtype in (*used, "float32"))
