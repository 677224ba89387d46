"""What learning a mask costs per training step, beside training the weights.

Both arms are the same network, optimizer and compile settings in plain `fit`, compiled
by XLA, run in turn.

    python benchmarks/learned_masks.py
"""

from __future__ import annotations

from absl import app, flags

import arms
import lth_keras as lth
import paired
from lth_keras.compat import keras
from lth_keras.papers import networks

_PAIRS = flags.DEFINE_integer("pairs", 7, "Pairs of runs per figure.")
_STEPS = flags.DEFINE_integer("steps", 300, "LeNet steps per run (Conv-2: a tenth).")
_MODELS = flags.DEFINE_list("models", ["lenet", "conv2"], "Networks to measure.")

_SHAPES = {"lenet": (28, 28, 1), "conv2": (32, 32, 3)}
_TARGETS = {"lenet": "<= 1.60", "conv2": "<= 1.15"}


def _sgd() -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.1, momentum=0.9)


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
                arms.trained(method(model).model, _sgd(), True, steps),
                arms.trained(dense, _sgd(), True, steps),
                _PAIRS.value,
            )
            what = f"{name} step, {method.__name__} / dense weights"
            paired.report(what, found, target)


if __name__ == "__main__":
    app.run(main)
