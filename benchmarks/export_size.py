"""What packing costs and saves: bytes, the first call after load, later calls.

Both arms are the same LeNet ticket, packed and plain; each is loaded as a user would,
in this process. A load is timed together with the first call, as a server that starts
would meet it, and the first call also by itself.

    python benchmarks/export_size.py
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags, logging

import paired
from lth_keras.export import saved_model
from lth_keras.papers import networks

_PAIRS = flags.DEFINE_integer("pairs", 25, "Pairs of runs per figure.")
_DENSITIES = flags.DEFINE_list("densities", ["0.2", "0.036", "0.01"], "P_m to export.")
_CALLS = flags.DEFINE_integer("calls", 200, "Later calls per run.")


def _ticket(density: float):
    """A LeNet, unwrapped, with `density` of each kernel at random places."""
    rng = np.random.default_rng(0)
    model = networks.build("lenet", (28, 28, 1), 10)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            kernel[rng.random(kernel.shape) >= density] = 0.0
            layer.set_weights([kernel, rng.normal(size=bias.shape)])
    return model


def _graph_bytes(report, path: str) -> int:
    """What is left of an export without the numbers in its weights."""
    data = os.path.join(path, "variables")
    shards = [name for name in os.listdir(data) if ".data-" in name]
    return report.bytes - sum(
        os.path.getsize(os.path.join(data, name)) for name in shards
    )


def _sizes(folder: str, density: float) -> tuple[str, str]:
    """Reports the bytes at one density; returns the paths of packed and plain."""
    model = _ticket(density)
    paths = os.path.join(folder, "packed"), os.path.join(folder, "plain")
    reports = [
        saved_model.export_saved_model(
            model, path, packed, overwrite=True, verify=False, verbose=False
        )
        for path, packed in zip(paths, (True, False), strict=True)
    ]
    content = 0
    for layer in reports[0].layers:
        stored = layer.nonzeros if layer.stored == "bitmask" else layer.size
        content += 4 * stored
        content += -(-layer.size // 8) if layer.stored == "bitmask" else 0
    allowed = 1.15 * content + _graph_bytes(reports[0], paths[0])
    strict = 1.15 * content + _graph_bytes(reports[1], paths[1])
    paired.report(
        f"bytes at P_m {density}",
        f"{reports[0].bytes:,} (plain {reports[1].bytes:,}, values and bitmasks "
        f"{content:,})",
        f"<= {allowed:,.0f} with its own graph ({strict:,.0f} with the plain one's)",
    )
    return paths


def _load_and_call(path: str, x: tf.Tensor) -> Callable[[], object]:
    def run() -> object:
        loaded = tf.saved_model.load(path)
        return loaded.signatures["serving_default"](image=x)

    return run


def _first_calls(path: str, x: tf.Tensor, runs: int) -> Callable[[], object]:
    """A function that makes the first call of one freshly loaded model each time."""
    loaded = [tf.saved_model.load(path) for _ in range(runs)]
    functions = [item.signatures["serving_default"] for item in loaded]

    def run() -> object:
        return functions.pop()(image=x)

    return run


def _later_calls(path: str, x: tf.Tensor, calls: int) -> Callable[[], object]:
    loaded = tf.saved_model.load(path)
    function = loaded.signatures["serving_default"]

    def run() -> object:
        for _ in range(calls):
            found = function(image=x)
        return loaded, found["output"].numpy()

    return run


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.WARNING)  # TensorFlow reports each save
    pairs = _PAIRS.value
    with tempfile.TemporaryDirectory() as folder:
        for text in _DENSITIES.value:
            packed, plain = _sizes(folder, float(text))
        for size in (1, 32):
            x = tf.random.normal((size, 28, 28, 1))
            found = paired.measure(
                _load_and_call(packed, x), _load_and_call(plain, x), pairs
            )
            what = f"batch {size}, packed / plain: load and first call"
            paired.report(what, found, "reported")
            found = paired.measure(
                _first_calls(packed, x, pairs + 1),
                _first_calls(plain, x, pairs + 1),
                pairs,
            )
            paired.report(f"batch {size}, packed / plain: first call", found, "<= 1.3")
            found = paired.measure(
                _later_calls(packed, x, _CALLS.value),
                _later_calls(plain, x, _CALLS.value),
                pairs,
            )
            paired.report(
                f"batch {size}, packed / plain: later calls", found, "<= 1.02"
            )


if __name__ == "__main__":
    app.run(main)
