"""What wrapping costs per training step, and whether the --jit=auto rule is right.

Both arms are the same network with the same compile settings in plain `fit`.

    python benchmarks/step_overhead.py
"""

from __future__ import annotations

from absl import app, flags

import paired
from lth_keras.compat import keras
from lth_keras.masking import wrapping
from lth_keras.papers import networks
from lth_keras.training import batches, jit

_PAIRS = flags.DEFINE_integer("pairs", 7, "Pairs of runs per figure.")
_STEPS = flags.DEFINE_integer("steps", 300, "LeNet steps per run (Conv-2: a tenth).")

_SHAPES = {"lenet": (28, 28, 1), "conv2": (32, 32, 3)}


def _arm(model: keras.Model, compiled: bool, shape: tuple[int, ...], steps: int):
    """A function that trains `model` for `steps` steps of batch 60."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((1200, *shape), np.float32)
    y = rng.integers(0, 10, 1200)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=compiled,
        steps_per_execution=10,
    )
    data = batches.batches((x, y), 60)
    return lambda: model.fit(data, steps_per_epoch=steps, verbose=0)


def main(_: list[str]) -> None:
    for name, target in (("lenet", "<= 1.10"), ("conv2", "<= 1.03")):
        shape = _SHAPES[name]
        steps = _STEPS.value if name == "lenet" else max(10, _STEPS.value // 10)
        plain, wrapped = (networks.build(name, shape, 10) for _ in range(2))
        chosen = jit.choose(plain)
        found = paired.measure(
            _arm(wrapping.wrap(wrapped), chosen, shape, steps),
            _arm(plain, chosen, shape, steps),
            _PAIRS.value,
        )
        setting = "on" if chosen else "off"
        paired.report(f"{name} step, wrapped / unwrapped, jit {setting}", found, target)
        compiled, ordinary = (networks.build(name, shape, 10) for _ in range(2))
        found = paired.measure(
            _arm(wrapping.wrap(compiled), True, shape, steps),
            _arm(wrapping.wrap(ordinary), False, shape, steps),
            _PAIRS.value,
        )
        right = "< 1" if chosen else "> 1"
        paired.report(f"{name} step, jit on / off (auto: {setting})", found, right)


if __name__ == "__main__":
    app.run(main)
