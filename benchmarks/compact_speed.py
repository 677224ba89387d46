"""How much less a compacted LeNet ticket computes, and how much sooner it answers.

The ticket is that of a search on MNIST: the trained weights of the level nearest to
3.6 %. Both arms are calls of a `tf.function` of the model, or of a loop of such calls
inside TensorFlow, which leaves out what Python takes for each call.

    python benchmarks/compact_speed.py --weights=RUN/level15/trained/weights.npz
"""

from __future__ import annotations

import itertools

import tensorflow as tf
from absl import app, flags

import paired
from lth_keras import arrays, models
from lth_keras.compact import compact, compaction
from lth_keras.compat import keras

_WEIGHTS = flags.DEFINE_string("weights", None, "Trained LeNet weights.")
_PAIRS = flags.DEFINE_integer("pairs", 15, "Pairs of runs per figure.")
_CALLS = flags.DEFINE_integer("calls", 200, "Calls per run.")


def _arm(model: keras.Model, batch: int, calls: int, inside: bool):
    """A function that calls `model` that many times."""
    images = tf.random.stateless_uniform((batch, 28, 28, 1), (0, 1))

    @tf.function
    def once(values):
        return model(values, training=False)

    @tf.function
    def many():
        total = tf.zeros((batch, 10))
        for _ in tf.range(calls):
            # Depends on the call before, or TensorFlow would make one of all.
            total = once(images + 1e-6 * total[0, 0])
        return total

    if inside:
        return lambda: many().numpy()
    return lambda: [once(images) for _ in range(calls)][-1].numpy()


def main(_: list[str]) -> None:
    if not _WEIGHTS.value:
        # Dead units come from training alone: made-up weights would measure nothing.
        print("left out: --weights= names weights.npz of a LeNet search on MNIST")
        return
    model = models.build("lenet", (28, 28, 1), 10)
    model.set_weights(list(arrays.read_arrays(_WEIGHTS.value).values()))
    done = compaction(model)
    print(done, flush=True)
    before, after = done.multiply_adds
    paired.report("multiply-adds, compact / dense", f"{after / before:.3f}", "<= 0.7")
    arms = {"compact": done.model, "compact(gather=False)": compact(model, False)}
    for (name, small), batch, inside in itertools.product(
        arms.items(), (1, 60), (False, True)
    ):
        found = paired.measure(
            _arm(small, batch, _CALLS.value, inside),
            _arm(model, batch, _CALLS.value, inside),
            _PAIRS.value,
        )
        how = "in a TensorFlow loop" if inside else "from Python"
        paired.report(f"batch {batch} {how}, {name} / dense", found, "< 1")


if __name__ == "__main__":
    app.run(main)
