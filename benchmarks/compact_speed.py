"""How much less a compacted LeNet ticket computes, and how much sooner it answers.

The ticket is that of a search on MNIST: the trained weights of the level nearest to
3.6 %. Both arms run in TFLite on one thread, or as a `tf.function` of the model, with
XLA and without: called from Python, or in a loop inside TensorFlow, which leaves out
what Python takes for each call.

    python benchmarks/compact_speed.py --weights=RUN/level15/trained/weights.npz
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import tensorflow as tf
from absl import app, flags

import arms
import paired
from lth_keras.compacting.model import compact, compaction
from lth_keras.compat import keras
from lth_keras.papers import networks
from lth_keras.storage import arrays

_WEIGHTS = flags.DEFINE_string("weights", None, "Trained LeNet weights.")
_PAIRS = flags.DEFINE_integer("pairs", 15, "Pairs of runs per figure.")
_CALLS = flags.DEFINE_integer("calls", 200, "Calls per run.")


def _in_tensorflow(xla: bool, inside: bool) -> Callable[..., Callable[[], object]]:
    """What makes a function that calls a model many times in TensorFlow."""

    def arm(model: keras.Model, batch: int, calls: int) -> Callable[[], object]:
        images = tf.random.stateless_uniform((batch, 28, 28, 1), (0, 1))

        @tf.function(jit_compile=xla)
        def once(values):
            return model(values, training=False)

        @tf.function(jit_compile=xla)
        def many():
            total = tf.zeros((batch, 10))
            for _ in tf.range(calls):
                # Depends on the call before, or TensorFlow would make one of all.
                total = once(images + 1e-6 * total[0, 0])
            return total

        if inside:
            return lambda: many().numpy()
        return lambda: [once(images) for _ in range(calls)][-1].numpy()

    return arm


_RUNTIMES = {
    "TFLite": arms.in_tflite,
    "XLA, in a loop": _in_tensorflow(True, True),
    "XLA, from Python": _in_tensorflow(True, False),
    "TensorFlow, in a loop": _in_tensorflow(False, True),
    "TensorFlow, from Python": _in_tensorflow(False, False),
}


def main(_: list[str]) -> None:
    if not _WEIGHTS.value:
        # Dead units come from training alone: made-up weights would measure nothing.
        print("left out: --weights= names weights.npz of a LeNet search on MNIST")
        return
    model = networks.build("lenet", (28, 28, 1), 10)
    model.set_weights(list(arrays.read_arrays(_WEIGHTS.value).values()))
    done = compaction(model)
    print(done, flush=True)
    before, after = done.multiply_adds
    paired.report("multiply-adds, compact / dense", f"{after / before:.3f}", "<= 0.7")
    smaller = {
        "compact": done.model,
        "compact(gather=True)": compact(model, True),
        "compact(gather=False)": compact(model, False),
    }
    for (name, small), batch in itertools.product(smaller.items(), (1, 60)):
        for runtime, arm in _RUNTIMES.items():
            found = paired.measure(
                arm(small, batch, _CALLS.value),
                arm(model, batch, _CALLS.value),
                _PAIRS.value,
            )
            paired.report(f"batch {batch}, {runtime}: {name} / dense", found, "< 1")


if __name__ == "__main__":
    app.run(main)
