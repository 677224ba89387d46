"""How fast data that stay on the disk arrive, and networks train on them.

`datasets.open` reads and decodes every image anew; `datasets.load` holds all of them.
The batches are the same, bit for bit. Images a second of the input alone, and of
training: LeNet on MNIST, under XLA, and ResNet-20 of half the width on CIFAR-10.

    python benchmarks/streaming_speed.py --data_dir=DIR_OF_TFDS
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from absl import app, flags, logging

import lth_keras as lth
import paired
from lth_keras.compat import keras
from lth_keras.papers import datasets, networks

import tensorflow as tf  # isort: skip

_DATA_DIR = flags.DEFINE_string("data_dir", None, "TFDS directory.", required=True)
_PAIRS = flags.DEFINE_integer("pairs", 5, "Pairs of runs per figure.")
_INPUT = flags.DEFINE_integer("input_steps", 400, "Batches read in a run.")
_STEPS = flags.DEFINE_integer("steps", 100, "Training steps of a run.")
# Data set, network, its width, batch size, and whether XLA compiles it.
_CASES = (
    ("mnist", "lenet", 1.0, 60, True),
    ("cifar10", "resnet20", 0.5, 128, False),
)


def _reading(stream: Any) -> Callable[[], None]:
    """A function that reads batches of a new level."""
    levels = itertools.count()

    def read() -> None:
        for images, labels in stream(next(levels), 0).take(_INPUT.value):
            del images, labels

    return read


def _training(stream: Any, model: keras.Model) -> Callable[[], None]:
    """A function that trains on the batches of a new level."""
    levels = itertools.count()

    def train() -> None:
        model.fit(stream(next(levels), 0), steps_per_epoch=_STEPS.value, verbose=0)

    return train


def _compiled(name: str, width: float, shape: Any, jit: bool) -> keras.Model:
    model = lth.wrap(networks.build(name, shape, 10, width=width))
    model.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit,
        steps_per_execution=10,
    )
    return model


def _arms(streams: list[Any], *case: Any) -> Iterator[tuple[str, int, list[Any]]]:
    """What is measured, its batches, and the arms: on the disk and in memory."""
    yield "input alone", _INPUT.value, [_reading(stream) for stream in streams]
    trained = [_training(stream, _compiled(*case)) for stream in streams]
    yield f"training {case[0]}", _STEPS.value, trained


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.ERROR)
    for dataset, network, width, batch, jit in _CASES:
        made = [f(dataset, _DATA_DIR.value) for f in (datasets.open, datasets.load)]
        streams = [data.stream(batch) for data in made]
        first, same = (next(iter(stream(0, 0))) for stream in streams)
        assert all(map(np.array_equal, first, same)), "other batches"
        case = network, width, made[0].input_shape, jit
        for what, count, arms in _arms(streams, *case):
            found = paired.measure(*reversed(arms), _PAIRS.value)
            paired.report(
                f"{dataset}, {what}: streamed / in memory, images a second",
                found,
                "1 in training",
            )
            speeds = (found.seconds_b, found.seconds_a)
            streamed, held = (count * batch / float(np.median(s)) for s in speeds)
            print(f"  images a second: {streamed:,.0f} and {held:,.0f}", flush=True)


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    app.run(main)
