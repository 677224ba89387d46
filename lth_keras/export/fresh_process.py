"""The program that reloads exports in a process without this package.

`reloading` runs this file by its path, after it has made lth_keras, tfmot and
Keras impossible to import; so it imports nothing of the project, and stands alone.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

# Takes arrays by input name, returns arrays by output name.
Function = Callable[[dict[str, Any]], dict[str, Any]]

_BATCHES = (1, 32)
_SECONDS = 1.5  # for all pairs at one batch size
_SAMPLE = 0.002  # seconds that one timing lasts at least, against the clock's grain
_PAIRS = (5, 25)
_MILLIONTH = 1e-6  # about 8 roundings of a float32
# What comes after tf.lite.
_LITERT = "ai_edge_litert.interpreter"


def unique_names(names: Iterable[str]) -> list[str]:
    """Names of outputs as a signature may have them, none twice."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name)
        number, candidate = 1, plain
        while candidate in found:
            number += 1
            candidate = f"{plain}_{number}"
        found.append(candidate)
    return found


def main(folder: str) -> None:
    """Reads `folder`/job.json, and writes what was found to `folder`/found.json."""
    with open(os.path.join(folder, "job.json"), encoding="utf-8") as file:
        job = json.load(file)
    found = [_examine(folder, item) for item in job]
    with open(os.path.join(folder, "found.json"), "w", encoding="utf-8") as file:
        json.dump(found, file)


def _examine(folder: str, item: dict[str, Any]) -> dict[str, Any]:
    try:
        return _reload(folder, item)
    except Exception as error:  # whatever a loader raises is the finding
        text = str(error).strip() or type(error).__name__
        return {"error": f"{type(error).__name__}: {text}"}


def _reload(folder: str, item: dict[str, Any]) -> dict[str, Any]:
    """What one written export computes, and how fast."""
    cases = [
        (case["signature"], _arrays(folder, case["inputs"]), case["outputs"])
        for case in item["cases"]
    ]
    # By output, what each loader makes of it.
    differences: dict[str, list[dict[str, Any]]] = {}
    loaders = _loaders(item["format"])
    for loader, load in loaders.items():
        for signature, inputs, expected in cases:
            function = load(item["path"], signature)
            outputs = function(inputs)
            rounding = _rounding(function, inputs, outputs)
            for name, wanted in _arrays(folder, expected).items():
                key = name if signature == "serving_default" else f"{signature}/{name}"
                if name not in outputs:
                    raise KeyError(f"output {key!r} is missing, not {sorted(outputs)}")
                found = _difference(outputs[name], wanted)
                found["rounding"] = rounding.get(name, 0.0)
                differences.setdefault(key, []).append({**found, "loader": loader})
    latencies = []
    if item["dense"] and cases:
        signature, inputs, _ = cases[0]
        load = next(iter(loaders.values()))
        sparse, dense = load(item["path"], signature), load(item["dense"], signature)
        present = len(next(iter(inputs.values())))
        for size in _BATCHES if item["free_batch"] else (present,):
            rows = np.arange(size) % present
            batch = {name: value[rows] for name, value in inputs.items()}
            latencies.append({"batch": size, **_in_turn(dense, sparse, batch)})
    return {
        "differences": differences,
        "latencies": latencies,
        "loaders": list(loaders),
    }


def _arrays(folder: str, name: str) -> dict[str, np.ndarray]:
    with np.load(os.path.join(folder, name), allow_pickle=False) as stored:
        # Names of tensors may be what a file in an archive cannot be called.
        names = [str(n) for n in stored["names"]]
        return {n: stored[f"value{i}"] for i, n in enumerate(names)}


def _difference(found: Any, wanted: np.ndarray) -> dict[str, Any]:
    """Largest absolute difference, and what it is judged by.

    scale: the largest absolute value expected. moves: how much the expected values
    differ between examples at most. stands_still: whether those found do not.
    """
    found = np.asarray(found)
    if found.shape != wanted.shape:
        raise ValueError(f"an output has shape {found.shape}, not {wanted.shape}")
    if found.dtype.kind in "OSU":
        same = [a == b.encode() for a, b in zip(found.flat, wanted.flat, strict=True)]
        absolute = float(not all(same))
        return {"absolute": absolute, "scale": 1.0, "moves": 0.0, "stands_still": False}
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    alike = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        gaps = np.where(alike, 0.0, np.abs(found - wanted))
    largest = float(np.max(gaps, initial=0.0))
    finite = np.abs(wanted[np.isfinite(wanted)])
    return {
        # Neither NaN nor infinity is strict JSON.
        "absolute": min(largest, 1e308) if largest == largest else 1e308,
        "scale": float(np.max(finite, initial=0.0)),
        "moves": _moves(wanted),
        "stands_still": _moves(found) == 0,
    }


def _rounding(
    function: Function, inputs: dict[str, Any], outputs: dict[str, Any]
) -> dict[str, float]:
    """How far each output moves where inputs move by a millionth.

    As much may come from sums in another order, where large values cancel. Nothing is
    said of a function that gives something else each time.
    """
    rng = np.random.default_rng(0)
    moved = {}
    for name, value in inputs.items():
        if value.dtype.kind == "f":
            signs = rng.choice((-_MILLIONTH, _MILLIONTH), value.shape)
            value = (value * (1 + signs)).astype(value.dtype)
        moved[name] = value
    try:
        again, found = function(inputs), function(moved)
    except Exception:  # the function may take only whole numbers, say
        return {}
    gaps = {}
    for name, value in outputs.items():
        value, other = np.asarray(value), np.asarray(found[name])
        if value.dtype.kind in "OSU" or other.shape != value.shape:
            continue
        if np.array_equal(again[name], value):
            gap = _difference(other, value)["absolute"]
            gaps[name] = gap if gap < 1e308 else 0.0
    return gaps


def _moves(value: np.ndarray) -> float:
    """The largest difference between examples at one place of an output."""
    if value.ndim == 0 or not np.isfinite(value).all() or not value.size:
        return 0.0
    return float(np.max(np.ptp(value, axis=0)))


def _tensor(value: np.ndarray, dtype: tf.DType) -> Any:
    """The array as its signature takes it: bfloat16 is stored as float32."""
    tensor = tf.constant(value)
    return tensor if tensor.dtype == dtype else tf.cast(tensor, dtype)


# Loaders: each gives a function of named arrays.


def _saved_model(path: str, signature: str) -> Function:
    loaded = tf.saved_model.load(path)
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        tensors = {n: _tensor(v, specs[n].dtype) for n, v in inputs.items()}
        return {name: value.numpy() for name, value in function(**tensors).items()}

    # A signature does not keep the object that owns its variables alive.
    call.owner = loaded  # type: ignore[attr-defined]
    return call


def _session(path: str, signature: str) -> Function:
    """As TensorFlow Serving loads: a graph and a session."""
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
    definition = meta.signature_def[signature]

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        feed = {}
        for name, value in inputs.items():
            info = definition.inputs[name]
            dtype = tf.as_dtype(info.dtype)
            text = dtype == tf.string
            feed[info.name] = value if text else value.astype(dtype.as_numpy_dtype)
        fetch = {name: info.name for name, info in definition.outputs.items()}
        return dict(session.run(fetch, feed))

    return call


def _lite(interpreter_of: Any, path: str, signature: str) -> Function:
    """LiteRT. A file that was made without signatures has one of its own."""
    interpreter = interpreter_of(model_path=path, num_threads=1)
    if signature in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(signature)
        dtypes = {n: d["dtype"] for n, d in runner.get_input_details().items()}

        def call(inputs: dict[str, Any]) -> dict[str, Any]:
            cast = {n: np.asarray(v, dtypes[n]) for n, v in inputs.items()}
            return dict(runner(**cast))

        return call
    raise KeyError(f"the file has no signature {signature!r}")


def _keras(path: str, signature: str) -> Function:
    import tf_keras

    model = tf_keras.models.load_model(path, compile=False)
    made = model.output
    # As the package names outputs: a flat dict goes by its keys.
    flat = isinstance(made, dict) and not any(map(tf.nest.is_nested, made.values()))
    names = unique_names(sorted(made) if flat else model.output_names)
    dtypes = [tensor.dtype for tensor in tf.nest.flatten(model.input)]

    @tf.function
    def forward(values: Any) -> Any:
        return tf.nest.flatten(model(values, training=False))

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        values = [
            _tensor(value, dtype)
            for value, dtype in zip(inputs.values(), dtypes, strict=True)
        ]
        packed = tf.nest.pack_sequence_as(model.input, values)
        found = [value.numpy() for value in forward(packed)]
        return dict(zip(names, found, strict=True))

    return call


_LOADERS: dict[str, dict[str, Callable[[str, str], Function]]] = {
    "saved_model": {
        "tf.saved_model.load": _saved_model,
        "TF1 session loader": _session,
    },
    "keras": {"tf_keras.models.load_model": _keras},
}


def _loaders(format_: str) -> dict[str, Callable[[str, str], Function]]:
    """What loads a format here, by name; latency is measured with the first."""
    if format_ != "tflite":
        return _LOADERS[format_]
    found: dict[str, Callable[[str, str], Function]]
    found = {"tf.lite.Interpreter": functools.partial(_lite, tf.lite.Interpreter)}
    try:
        module = importlib.import_module(_LITERT)
    except ImportError:  # an extra, which need not be installed
        return found
    found[f"{_LITERT}.Interpreter"] = functools.partial(_lite, module.Interpreter)
    return found


def _in_turn(
    dense: Function, sparse: Function, batch: dict[str, Any]
) -> dict[str, Any]:
    """Seconds per call of both, and the median of ratios of neighbours."""

    def seconds(function: Function, calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            function(batch)
        return (time.perf_counter() - began) / calls

    for _ in range(2):
        once = max(seconds(dense, 1), seconds(sparse, 1), 1e-7)
    calls = max(1, int(_SAMPLE / once))
    fewest, most = _PAIRS
    pairs = min(most, max(fewest, int(_SECONDS / (2 * calls * once))))
    times = []
    for index in range(pairs):
        # Whoever runs first in a pair may be at a disadvantage: both take turns.
        if index % 2:
            b = seconds(sparse, calls)
            a = seconds(dense, calls)
        else:
            a = seconds(dense, calls)
            b = seconds(sparse, calls)
        times.append((a, b))
    return {
        "dense": statistics.median(a for a, _ in times),
        "sparse": statistics.median(b for _, b in times),
        "ratio": statistics.median(b / a for a, b in times),
    }
