"""Exports reloaded where nothing of ours can help them, before they are called done.

    with directories.atomic_directory(path, overwrite) as place:
        ...write to `place`...
        (found,) = verify([Written("saved_model", place, path, (case,), ...)])

All exports given to one call are reloaded in one fresh process, in which lth_keras,
tfmot, tf_keras and Keras cannot be imported. A `.keras` file needs tf_keras, so these
get a process of their own, without lth_keras and tfmot.

Write to a temporary place and verify before it gets its name, as above: `verify`
raises where the export is wrong, and whoever wrote it removes it by that.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.export import fresh_process

FORMATS = ("saved_model", "tflite", "keras")

# What any output may be off, as a share of the largest value of all outputs, or of 1
# where that is less: about 8 roundings of a float32. Another runtime rounds the sums
# that an output is the small rest of in another order: some times as much is allowed
# as the output of one runtime moves with inputs that are off by a millionth.
_ROUNDING = 1e-6
_RUNTIMES = 4
# An output that moves more than this share of its largest value with the inputs must
# move in the export too: the tolerance of 8 bits alone would let some stand still.
_MOVES = 0.05

# None of these may be needed to serve an export.
_BLOCKED = ("lth_keras", "tensorflow_model_optimization", "tf_keras", "keras")

# How tf_keras says that it does not know a class or function of the file.
_UNKNOWN_CLASS = (
    "Could not locate",
    "Cannot deserialize object of type",
    "register_keras_serializable",
    "Unknown",
    "No module named",
)

# As if they were not installed: finders find nothing, rather than raise, since
# TensorFlow asks whether Keras is there.
_BOOTSTRAP = """\
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {blocked!r}:
            return self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import runpy
runpy.run_path({program!r}, run_name="fresh_process")["main"]({folder!r})
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """What an export must compute.

    Attributes:
        inputs: arrays by the signature's input names, in the order of the model's
            inputs; the first axis of each is the batch.
        outputs: expected arrays by output name; numbers, or str objects.
        signature: the signature (SavedModel, TFLite) that is called.
    """

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    signature: str = "serving_default"


@dataclasses.dataclass(frozen=True)
class Written:
    """An export that lies in a temporary place and is to be verified.

    Attributes:
        format: one of `FORMATS`.
        path: where it lies now.
        name: the path that the user asked for; stands in messages.
        cases: what it must compute; latency is measured with the first.
        tolerance: how far an output may be off: its largest absolute difference
            divided by its largest expected absolute value, beyond rounding.
        dense: path of the same network, dense, in the same format, whose latency is
            measured in turn with the export's; None for no latencies.
        free_batch: whether batches of any size are taken.
    """

    format: str
    path: str
    name: str
    cases: tuple[Case, ...]
    tolerance: float
    dense: str | None = None
    free_batch: bool = True


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far one output is off.

    Attributes:
        absolute: largest absolute difference to the model's own output.
        relative: that, divided by the largest absolute value expected; None where all
            that was expected is 0, and something else was found.
    """

    absolute: float
    relative: float | None

    def __str__(self) -> str:
        if self.relative is None:
            return f"{self.absolute:.3g} (all values expected are 0)"
        return f"{self.absolute:.3g} ({self.relative:.3g} of the largest value)"


@dataclasses.dataclass(frozen=True)
class Latency:
    """Seconds per call (medians) of both, measured in turn.

    Attributes:
        batch: examples per call.
        dense: seconds of the dense network in the same format.
        sparse: seconds of the export.
        ratio: median over neighbouring pairs of sparse / dense.
    """

    batch: int
    dense: float
    sparse: float
    ratio: float


@dataclasses.dataclass(frozen=True)
class Found:
    """What verification found of one export; it passed.

    Attributes:
        differences: by output, "signature/output" but for serving_default. The worst
            of all loaders.
        latencies: at batch 1 and 32 (or the one that is allowed); empty without a
            dense counterpart.
        loaders: what loaded it, as names to print.
    """

    differences: dict[str, Difference]
    latencies: tuple[Latency, ...]
    loaders: tuple[str, ...]

    @property
    def largest(self) -> Difference:
        """The worst of all outputs."""

        def share(difference: Difference) -> float:
            return np.inf if difference.relative is None else difference.relative

        worst = max(self.differences.values(), key=share, default=None)
        return worst or Difference(0.0, 0.0)


def verify(written: Sequence[Written], timeout: float = 1800) -> list[Found]:
    """Reloads exports in a fresh process and compares what they compute.

    Args:
        written: exports of any formats; one process serves all but `.keras` files,
            and one more those.
        timeout: seconds until a process counts as hanging.

    Returns:
        What was found, in the order given.

    Raises:
        LotteryError: an export does not load, or an output is further off than its
            tolerance; the message names the export, the output and by how much.
    """
    found: dict[int, dict[str, Any]] = {}
    for needs_keras in (False, True):
        chosen = [
            (index, item)
            for index, item in enumerate(written)
            if (item.format == "keras") == needs_keras
        ]
        if chosen:
            blocked = _BLOCKED[:2] if needs_keras else _BLOCKED
            rows = _in_fresh_process([item for _, item in chosen], blocked, timeout)
            found.update(zip((index for index, _ in chosen), rows, strict=True))
    return [_judged(item, found[index]) for index, item in enumerate(written)]


def _in_fresh_process(
    written: Sequence[Written], blocked: tuple[str, ...], timeout: float
) -> list[dict[str, Any]]:
    """What `fresh_process` found, one dict for each export."""
    with tempfile.TemporaryDirectory(prefix="lth_keras_verify_") as folder:
        job = []
        stored: dict[int, str] = {}
        for item in written:
            cases = []
            for case in item.cases:
                names = {}
                for kind, arrays in (
                    ("inputs", case.inputs),
                    ("outputs", case.outputs),
                ):
                    # The exports of one model mostly share their cases.
                    key = id(arrays)
                    if key not in stored:
                        stored[key] = f"arrays{len(stored)}.npz"
                        _store(os.path.join(folder, stored[key]), arrays)
                    names[kind] = stored[key]
                cases.append({"signature": case.signature, **names})
            job.append(
                {
                    "format": item.format,
                    "path": os.path.abspath(item.path),
                    "cases": cases,
                    "dense": item.dense and os.path.abspath(item.dense),
                    "free_batch": item.free_batch,
                }
            )
        with open(os.path.join(folder, "job.json"), "w", encoding="utf-8") as file:
            json.dump(job, file)
        program = _BOOTSTRAP.format(
            blocked=blocked,
            program=os.path.abspath(fresh_process.__file__),
            folder=folder,
        )
        _run(program, folder, timeout)
        with open(os.path.join(folder, "found.json"), encoding="utf-8") as file:
            return list(json.load(file))


def _run(program: str, folder: str, timeout: float) -> None:
    environment = dict(os.environ)
    # It makes TensorFlow itself import tf_keras.
    environment.pop("TF_USE_LEGACY_KERAS", None)
    environment["PYTHONPATH"] = os.pathsep.join(
        os.path.abspath(place) for place in sys.path
    )
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LotteryError(
            f"the process that verifies the export took over {timeout:.0f} s: pass "
            "verify=False to export without verification."
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise LotteryError(
            f"the process that verifies the export failed: {lines[-1]} (exit code "
            f"{done.returncode}); pass verify=False to export without verification."
        )


def _store(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    values: dict[str, Any] = {
        f"value{i}": _storable(v) for i, v in enumerate(arrays.values())
    }
    np.savez(path, names=np.array(list(arrays), dtype=np.str_), **values)


def _storable(value: Any) -> np.ndarray:
    """The array in a dtype that needs neither pickle nor a package to be read."""
    array = np.asarray(value)
    if array.dtype.kind == "O":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in array.flat]
        return np.array(texts, np.str_).reshape(array.shape)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array if array.dtype.kind in "fiubU" else array.astype(np.float32)


def _judged(item: Written, row: dict[str, Any]) -> Found:
    if "error" in row:
        reason = " ".join(row["error"].split())
        # Keras puts whole configurations before and after what matters.
        reason = re.sub(r" using config=.*Exception encountered:", ":", reason)
        reason = reason.partition(" Full object config:")[0]
        raise LotteryError(
            f"{item.name} was not written: the export does not load and run in a "
            f"fresh process: {reason[:500].rstrip('.')}.{_hint(item.format, reason)}"
        )
    rounding = _ROUNDING * max(
        [1.0, *(d["scale"] for d in row["differences"].values())]
    )
    differences = {}
    for name, d in row["differences"].items():
        differences[name] = found = Difference(d["absolute"], _share(d))
        allowed = item.tolerance * d["scale"] + rounding + _RUNTIMES * d["rounding"]
        if not found.absolute <= allowed:
            raise LotteryError(
                f"{item.name} was not written: output {name!r} of the export is off by "
                f"{found}, and format {item.format} allows {item.tolerance:.3g} of it; "
                "pass verify=False to export all the same."
            )
        if d["stands_still"] and d["moves"] > _MOVES * d["scale"] + rounding:
            raise LotteryError(
                f"{item.name} was not written: output {name!r} of the export is the "
                f"same for all examples, and the model's varies by {d['moves']:.3g}; "
                "pass verify=False to export all the same."
            )
    latencies = tuple(Latency(**values) for values in row["latencies"])
    return Found(differences, latencies, tuple(row["loaders"]))


def _share(found: Mapping[str, Any]) -> float | None:
    if not found["scale"]:
        return None if found["absolute"] else 0.0
    # Infinity is no strict JSON.
    return float(min(found["absolute"] / found["scale"], 1e308))


def _hint(format_: str, reason: str) -> str:
    """What to do about an error of loading, where that can be told."""
    if format_ == "keras" and "Lambda" in reason and "safe_mode" in reason:
        return (
            " Put what the Lambda layer computes into a layer class, or export a "
            "SavedModel."
        )
    if format_ == "keras" and any(sign in reason for sign in _UNKNOWN_CLASS):
        return (
            " A class of your own must be importable from an installed module and "
            "registered with keras.utils.register_keras_serializable."
        )
    return ""
