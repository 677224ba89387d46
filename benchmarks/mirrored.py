"""A level of LeNet on two replicas, parts of one CPU, against one replica on all of it.

Both evaluate 15,000 examples every 100 iterations, as the paper does. Two replicas on
the same cores cannot be sooner: the figure is what sharing a batch costs. The strategy
is that of --strategy=mirrored --devices=2.

    python benchmarks/mirrored.py
    python benchmarks/mirrored.py --model=conv2 --iterations=200
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable

import numpy as np
from absl import app, flags, logging

import lth_keras as lth
import paired
from lth_keras.compat import keras
from lth_keras.papers import networks
from lth_keras.programs import strategies

import tensorflow as tf  # isort: skip

_MODEL = flags.DEFINE_string("model", "lenet", "Network of the papers.")
_ITERATIONS = flags.DEFINE_integer("iterations", 1000, "Iterations of the level.")
_PAIRS = flags.DEFINE_integer("pairs", 5, "Runs of each arm.")
_STEPS = flags.DEFINE_integer("steps", 20, "Training steps of an execution.")
_SHAPE = {"lenet": (28, 28, 1)}


def arm(
    strategy: tf.distribute.Strategy, folder: str, evaluate: bool = True
) -> Callable[[], object]:
    """A function that trains a level in a search of its own."""
    rng = np.random.default_rng(0)
    shape = _SHAPE.get(_MODEL.value, (32, 32, 3))
    # Whole batches of 60 to train on: the programs leave a smaller last one out.
    x = rng.random((19_980, *shape), np.float32)
    y = rng.integers(0, 10, len(x))
    with strategy.scope():
        model = lth.wrap(networks.build(_MODEL.value, shape, 10))
        model.compile(
            "adam",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            steps_per_execution=_STEPS.value,
        )
    given = {}
    if evaluate:
        given = {"validation_data": (x[:5000], y[:5000]), "evaluate_every": 100}
        given["test_data"] = x[5000:15_000], y[5000:15_000]
    numbers = itertools.count()

    def level() -> None:
        place = os.path.join(folder, f"{id(strategy)}_{evaluate}_{next(numbers)}")
        search = lth.LotterySearch(model, levels=0, directory=place)
        search.fit(
            x[15_000:],
            y[15_000:],
            batch_size=60,
            steps_per_epoch=_ITERATIONS.value,
            verbose=0,
            **given,
        )

    return level


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.ERROR)
    two = strategies.mirrored(2)
    one = tf.distribute.get_strategy()
    what = f"{_MODEL.value}, {_ITERATIONS.value:,} iterations: two replicas / one"
    with tempfile.TemporaryDirectory() as folder:
        for evaluate, said in ((True, ""), (False, ", without evaluation")):
            arms = (arm(each, folder, evaluate) for each in (two, one))
            found = paired.measure(*arms, _PAIRS.value)
            paired.report(what + said, found, "<= 2")


if __name__ == "__main__":
    app.run(main)
