"""Exports reloaded where nothing of ours can help them, before they are called done.

    with directories.atomic_directory(path, overwrite) as place:
        ...write to `place`...
        (found,) = verify([Written("saved_model", place, path, (case,), ...)])

All exports given to one call are reloaded in one fresh process (`reloading`), in which
lth_keras, tfmot, tf_keras and Keras cannot be imported. A `.keras` file needs tf_keras,
so these get a process of their own, without lth_keras and tfmot.

Write to a temporary place and verify before it gets its name, as above: `verify`
raises where the export is wrong, and whoever wrote it removes it by that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.export.cases import Written
from lth_keras.export.findings import Difference, Found, Latency
from lth_keras.export.reloading import in_fresh_process

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
            rows = in_fresh_process([item for _, item in chosen], blocked, timeout)
            found.update(zip((index for index, _ in chosen), rows, strict=True))
    return [_judged(item, found[index]) for index, item in enumerate(written)]


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
    scales = [seen[0]["scale"] for seen in row["differences"].values()]
    rounding = _ROUNDING * max([1.0, *scales])
    differences = {}
    for name, seen in row["differences"].items():
        for found in seen:
            _check(item, name, found, rounding)
        worst = max(seen, key=lambda found: float(found["absolute"]))
        differences[name] = Difference(worst["absolute"], _share(worst))
    latencies = tuple(Latency(**values) for values in row["latencies"])
    return Found(differences, latencies, tuple(row["loaders"]))


def _check(item: Written, name: str, found: dict[str, Any], rounding: float) -> None:
    """Refuses an output of the export as one loader computes it."""
    scale, loader = found["scale"], found["loader"]
    difference = Difference(found["absolute"], _share(found))
    allowed = item.tolerance * scale + rounding + _RUNTIMES * found["rounding"]
    if not difference.absolute <= allowed:
        raise LotteryError(
            f"{item.name} was not written: output {name!r} of the export is off by "
            f"{difference} in {loader}, and format {item.format} allows "
            f"{item.tolerance:.3g} of it: {item.remedy}."
        )
    if found["stands_still"] and found["moves"] > _MOVES * scale + rounding:
        raise LotteryError(
            f"{item.name} was not written: output {name!r} of the export is the same "
            f"for all examples in {loader}, and the model's varies by "
            f"{found['moves']:.3g}: {item.remedy}."
        )


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
