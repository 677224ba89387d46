"""How much sooner networks answer from which half the filters were compacted away.

Filters are pruned in one round by their L1 norm, of networks whose biases and
normalisations are made up: which filters go has no part in the time. Both arms run
under XLA, or in TFLite on one thread; the outputs of both are compared.

    python benchmarks/filter_speed.py --batch=32
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags

import arms
import lth_keras as lth
import paired
from lth_keras.compat import keras
from lth_keras.papers import networks

_BATCH = flags.DEFINE_integer("batch", 32, "Images per call.")
_PAIRS = flags.DEFINE_integer("pairs", 9, "Pairs of runs per figure.")
_CALLS = flags.DEFINE_integer("calls", 4, "Calls per run.")
_Run = Callable[[], object]
# Network, factor on its channels, where, and the pattern of what is pruned.
_CASES = (
    ("conv4", 0.5, "each", r"conv\d+$"),
    ("vgg16", 0.25, "each", r"conv\d+$"),
    ("resnet20", 1.0, "first", r"conv\d+$"),
    ("resnet20", 1.0, "together", r"(conv\d+|downsample)$"),
)


def _network(name: str, width: float) -> keras.Model:
    rng = np.random.default_rng(0)
    model = networks.build(name, (32, 32, 3), 10, width=width)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def _compiled(model: keras.Model, batch: int, calls: int) -> _Run:
    images = tf.random.stateless_uniform((batch, 32, 32, 3), (0, 1))
    function = tf.function(lambda x: model(x, training=False), jit_compile=True)
    return lambda: [function(images) for _ in range(calls)][-1].numpy()


def main(_: list[str]) -> None:
    images = tf.random.stateless_uniform((_BATCH.value, 32, 32, 3), (0, 1))
    for name, width, where, pattern in _CASES:
        wrapped = lth.wrap(
            _network(name, width), {pattern: 0.5}, granularity="filter", where=where
        )
        lth.prune(wrapped)
        dense, done = lth.unwrap(wrapped), lth.compaction(wrapped)
        case = f"{name} x {width:g}, {where}"
        before, after = done.parameters
        off = float(np.abs(dense(images).numpy() - done.model(images).numpy()).max())
        paired.report(f"{case}: largest difference", f"{off:.1e}", "< 1e-5")
        print(f"{case}: parameters {before:,} -> {after:,}", flush=True)
        for runtime, arm in (("XLA", _compiled), ("TFLite", arms.in_tflite)):
            found = paired.measure(
                arm(dense, _BATCH.value, _CALLS.value),
                arm(done.model, _BATCH.value, _CALLS.value),
                _PAIRS.value,
            )
            paired.report(f"{case}, {runtime}: masked / compact", found, "> 1.5")


if __name__ == "__main__":
    app.run(main)
