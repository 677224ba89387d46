"""What masks cost per training step, and whether the --jit=auto rule is right.

Both arms are the same network with the same compile settings in plain `fit`.

    python benchmarks/step_overhead.py
    python benchmarks/step_overhead.py --networks=resnet20    # in place alone
"""

from __future__ import annotations

from absl import app, flags

import arms
import paired
from lth_keras.compat import keras
from lth_keras.masking import in_place, wrapping
from lth_keras.papers import networks
from lth_keras.training import jit

_PAIRS = flags.DEFINE_integer("pairs", 7, "Pairs of runs per figure.")
_STEPS = flags.DEFINE_integer(
    "steps", 300, "LeNet steps per run (Conv-2: a tenth; ResNet-20: a thirtieth)."
)

_NETWORKS = flags.DEFINE_list(
    "networks", ["lenet", "conv2", "resnet20"], "Which ones are timed."
)

_SHAPES = {"lenet": (28, 28, 1), "conv2": (32, 32, 3), "resnet20": (32, 32, 3)}


def _adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-3)


def _in_place(name: str, target: str) -> None:
    held, plain = (networks.build(name, _SHAPES[name], 10) for _ in range(2))
    steps = max(10, _STEPS.value // 30)
    found = paired.measure(
        arms.trained(in_place.hold(held), _adam(), False, steps),
        arms.trained(plain, _adam(), False, steps),
        _PAIRS.value,
    )
    paired.report(f"{name} step, held in place / plain, jit off", found, target)


def main(_: list[str]) -> None:
    if "resnet20" in _NETWORKS.value:
        _in_place("resnet20", "<= 1.05")
    for name, target in (("lenet", "<= 1.10"), ("conv2", "<= 1.03")):
        if name not in _NETWORKS.value:
            continue
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
