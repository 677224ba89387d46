"""A step of a held Keras 3 model against the plain one, in CPU seconds.

LeNet-300-100, Adam, batch 60. On TensorFlow and JAX steps are those of `fit`, compiled
by XLA (on TensorFlow ten an execution). On torch `train_step` is called, on one thread,
without `fit` around it, whose loop would hide a part of the difference.

    KERAS_BACKEND=torch python benchmarks/held_step.py
    KERAS_BACKEND=jax python benchmarks/held_step.py --pruned=0.95 --pairs=60
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import app, flags

_PAIRS = flags.DEFINE_integer("pairs", 30, "Runs of each arm.", lower_bound=2)
_STEPS = flags.DEFINE_integer(
    "steps", None, "Steps of a run; without it 40 on torch, 400 elsewhere.", 1
)
_PRUNED = flags.DEFINE_float("pruned", 0.2, "Share of the weights that is pruned.")

_BATCH, _LEARNING_RATE = 60, 1.2e-3
_WANTED = {"tensorflow": 1.05, "jax": 1.05, "torch": 1.1}


def _model() -> Any:
    import keras

    from lth_keras import compat
    from lth_keras.papers import networks

    with compat.seeded(0):
        model = networks.build("lenet", (28, 28, 1), 10, keras=keras)
    backend = keras.backend.backend()
    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=backend != "torch",
        steps_per_execution=10 if backend == "tensorflow" else 1,
    )
    return model


def _torch_steps(model: Any, x: Any, y: Any) -> None:
    for _ in range(len(x) // _BATCH):
        model.train_step((x[:_BATCH], y[:_BATCH]))


def _fit_steps(model: Any, x: Any, y: Any) -> None:
    model.fit(x, y, batch_size=_BATCH, shuffle=False, verbose=0)


def _seconds(steps: Callable[..., None], *arguments: Any) -> float:
    """CPU seconds of a run of steps."""
    began = time.process_time()
    steps(*arguments)
    return time.process_time() - began


def main(_: list[str]) -> None:
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend not in _WANTED or importlib.util.find_spec(backend) is None:
        print(
            f"left out: KERAS_BACKEND={backend} is not installed, or is none of "
            f"{', '.join(_WANTED)} (pip install -e '.[keras3-jax,keras3-torch]')"
        )
        return

    import lth_keras as lth

    count = _STEPS.value or (40 if backend == "torch" else 400)
    rng = np.random.default_rng(0)
    x: Any = rng.random((count * _BATCH, 28, 28, 1), np.float32)
    y: Any = rng.integers(0, 10, len(x))
    run = _fit_steps
    if backend == "torch":
        import torch

        torch.set_num_threads(1)
        x, y, run = torch.tensor(x), torch.tensor(y), _torch_steps
    plain, held = _model(), lth.hold(_model(), _PRUNED.value)
    plain.train_on_batch(x[:_BATCH], y[:_BATCH])
    start = lth.capture(held)
    lth.prune(held)
    lth.rewind(held, start)
    for model in (plain, held):
        run(model, x, y)
    ratios = []
    for _ in range(_PAIRS.value):
        one = _seconds(run, plain, x, y)
        ratios.append(_seconds(run, held, x, y) / one)
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"held / plain step on {backend}, {_PRUNED.value:.0%} pruned: {middle:.2f} "
        f"(quartiles {low:.2f} and {high:.2f}, {_PAIRS.value} pairs); "
        f"target <= {_WANTED[backend]}"
    )


if __name__ == "__main__":
    app.run(main)
