"""What wrapping costs per training step, and whether the --jit=auto rule is right.

Both arms are the same network with the same compile settings in plain `fit`.

    python benchmarks/step_overhead.py
"""

from __future__ import annotations

from absl import app, flags

import arms
import paired
from lth_keras.compat import keras
from lth_keras.masking import wrapping
from lth_keras.papers import networks
from lth_keras.training import jit

_PAIRS = flags.DEFINE_integer("pairs", 7, "Pairs of runs per figure.")
_STEPS = flags.DEFINE_integer("steps", 300, "LeNet steps per run (Conv-2: a tenth).")

_SHAPES = {"lenet": (28, 28, 1), "conv2": (32, 32, 3)}


def _adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-3)


def main(_: list[str]) -> None:
    for name, target in (("lenet", "<= 1.10"), ("conv2", "<= 1.03")):
        shape = _SHAPES[name]
        steps = _STEPS.value if name == "lenet" else max(10, _STEPS.value // 10)
        plain, wrapped = (networks.build(name, shape, 10) for _ in range(2))
        chosen = jit.choose(plain)
        found = paired.measure(
            arms.trained(wrapping.wrap(wrapped), _adam(), chosen, steps),
            arms.trained(plain, _adam(), chosen, steps),
            _PAIRS.value,
        )
        setting = "on" if chosen else "off"
        paired.report(f"{name} step, wrapped / unwrapped, jit {setting}", found, target)
        compiled, ordinary = (networks.build(name, shape, 10) for _ in range(2))
        found = paired.measure(
            arms.trained(wrapping.wrap(compiled), _adam(), True, steps),
            arms.trained(wrapping.wrap(ordinary), _adam(), False, steps),
            _PAIRS.value,
        )
        right = "< 1" if chosen else "> 1"
        paired.report(f"{name} step, jit on / off (auto: {setting})", found, right)


if __name__ == "__main__":
    app.run(main)
