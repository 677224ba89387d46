"""What learning a mask costs per training step, beside training the weights.

Both arms are the same network, optimizer and compile settings in plain `fit`, compiled
by XLA, run in turn.

    python benchmarks/learned_masks.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from absl import app, flags

import lth_keras as lth
import paired
from lth_keras.compat import keras
from lth_keras.papers import networks
from lth_keras.training import batches

_PAIRS = flags.DEFINE_integer("pairs", 7, "Pairs of runs per figure.")
_STEPS = flags.DEFINE_integer("steps", 300, "LeNet steps per run (Conv-2: a tenth).")
_MODELS = flags.DEFINE_list("models", ["lenet", "conv2"], "Networks to measure.")

_SHAPES = {"lenet": (28, 28, 1), "conv2": (32, 32, 3)}
_TARGETS = {"lenet": "<= 1.60", "conv2": "<= 1.15"}


def _arm(model: keras.Model, shape: tuple[int, ...], steps: int) -> Callable[[], None]:
    """A function that trains `model` for `steps` steps of batch 60."""
    rng = np.random.default_rng(0)
    x = rng.random((1200, *shape), np.float32)
    y = rng.integers(0, 10, 1200)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
        steps_per_execution=10,
    )
    data = batches.batches((x, y), 60)
    return lambda: model.fit(data, steps_per_epoch=steps, verbose=0)


def main(_: list[str]) -> None:
    for name in _MODELS.value:
        shape = _SHAPES[name]
        steps = _STEPS.value if name == "lenet" else max(10, _STEPS.value // 10)
        for method, target in (
            (lth.methods.EdgePopup, _TARGETS[name]),
            (lth.methods.Supermask, "none"),
        ):
            dense, model = (networks.build(name, shape, 10) for _ in range(2))
            found = paired.measure(
                _arm(method(model).model, shape, steps),
                _arm(dense, shape, steps),
                _PAIRS.value,
            )
            what = f"{name} step, {method.__name__} / dense weights"
            paired.report(what, found, target)


if __name__ == "__main__":
    app.run(main)
