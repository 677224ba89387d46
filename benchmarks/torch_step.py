"""A step of a held Keras 3 model on torch against the plain one, in CPU seconds.

LeNet-300-100, Adam, batch 60, one thread. The model's own `train_step` is called,
without `fit` around it, whose loop would hide a part of the difference.

    python benchmarks/torch_step.py
    python benchmarks/torch_step.py --pruned=0.95 --pairs=60
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from typing import Any

import numpy as np
from absl import app, flags

_PAIRS = flags.DEFINE_integer("pairs", 30, "Runs of each arm.", lower_bound=2)
_STEPS = flags.DEFINE_integer("steps", 40, "Steps of a run.", lower_bound=1)
_PRUNED = flags.DEFINE_float("pruned", 0.2, "Share of the weights that is pruned.")

_BATCH, _LEARNING_RATE = 60, 1.2e-3


def _model() -> Any:
    import keras

    from lth_keras import compat
    from lth_keras.papers import networks

    with compat.seeded(0):
        model = networks.build("lenet", (28, 28, 1), 10, keras=keras)
    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _seconds(model: Any, batch: Any) -> float:
    """CPU seconds of a run of steps."""
    began = time.process_time()
    for _ in range(_STEPS.value):
        model.train_step(batch)
    return time.process_time() - began


def main(_: list[str]) -> None:
    if importlib.util.find_spec("torch") is None:
        print("left out: torch is not installed (pip install -e '.[keras3-torch]')")
        return
    os.environ["KERAS_BACKEND"] = "torch"
    import torch

    import lth_keras as lth

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.random((_BATCH, 28, 28, 1), np.float32))
    batch = x, torch.tensor(rng.integers(0, 10, _BATCH))
    plain, held = _model(), lth.hold(_model(), _PRUNED.value)
    plain.train_on_batch(*batch)
    start = lth.capture(held)
    lth.prune(held)
    lth.rewind(held, start)
    for model in (plain, held):
        _seconds(model, batch)
    ratios = []
    for _ in range(_PAIRS.value):
        one = _seconds(plain, batch)
        ratios.append(_seconds(held, batch) / one)
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"held / plain step on torch, {_PRUNED.value:.0%} pruned: {middle:.2f} "
        f"(quartiles {low:.2f} and {high:.2f}, {_PAIRS.value} pairs); target <= 1.1"
    )


if __name__ == "__main__":
    app.run(main)
