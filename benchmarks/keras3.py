"""The same LeNet search by tf_keras and Keras 3 on each backend, and what masks cost.

Each arm is a process of its own, one after the other, as often as --rounds says. In
each a step of the held (or wrapped) model is timed against the plain one in turn, and
then a search: the paper's LeNet and cadence, at the counts that every arm must reach.

    python benchmarks/keras3.py      # made-up data, and what backends are installed
    python benchmarks/keras3.py --data_dir=DIR_OF_TFDS        # MNIST
    python benchmarks/keras3.py --arms=keras3-jax,keras3-torch
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from absl import app, flags

import paired

_ARMS = ("tf_keras", "keras3-tensorflow", "keras3-jax", "keras3-torch")
# JAX and torch are extras, and `make benchmark` runs without them.
_HERE = [a for a in _ARMS if importlib.util.find_spec(a.rpartition("-")[2])]
_CHOSEN = flags.DEFINE_list("arms", _HERE, "Which arms are timed.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "TFDS directory that holds mnist.")
_LEVELS = flags.DEFINE_integer(
    "levels", 3, "Pruning rounds (levels 0 to this).", lower_bound=1
)
_ITERATIONS = flags.DEFINE_integer(
    "iterations", 1000, "Iterations per level.", lower_bound=1
)
_PAIRS = flags.DEFINE_integer(
    "pairs", 7, "Pairs of runs for the ratio of a step.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Searches of each arm.", lower_bound=1)
_ONE = flags.DEFINE_string("one", None, "Carries out one arm, in this process.")

_BATCH, _RATE, _LEARNING_RATE = 60, 0.2, 1.2e-3


def _every() -> int:
    """Iterations between evaluations, and in an execution: 100, as far as they go.

    Whole executions make up a level, or Keras 3 would run past its end.
    """
    most = min(100, _ITERATIONS.value)
    return next(n for n in range(most, 0, -1) if _ITERATIONS.value % n == 0)


def _model(arm: str, masked: bool) -> Any:
    import lth_keras as lth
    from lth_keras import compat
    from lth_keras.papers import networks

    module: Any = compat.keras if arm == "tf_keras" else compat.keras3()
    with compat.seeded(0):
        model = networks.build("lenet", (28, 28, 1), 10, keras=module)
    if masked:
        put = lth.wrap if arm == "tf_keras" else lth.hold
        model = put(model, {r"dense\d+": _RATE, "output": _RATE / 2})
    on_tensorflow = not arm.endswith(("jax", "torch"))
    model.compile(
        module.optimizers.Adam(_LEARNING_RATE),
        module.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=not arm.endswith("torch"),
        # Where there is something to gain by it.
        steps_per_execution=_every() if on_tensorflow else 1,
    )
    return model


def _steps(arm: str, masked: bool, data: Any) -> Callable[[], object]:
    from lth_keras import compat
    from lth_keras.training.feeds import Feed

    model = _model(arm, masked)
    feed = Feed(
        *data.train, batch_size=_BATCH, trainer=compat.trainer_of(model)
    ).dataset(0)
    steps = max(300 // _every(), 1) * _every()
    return lambda: model.fit(feed, steps_per_epoch=steps, verbose=0, shuffle=False)


def _one(arm: str) -> None:
    import lth_keras as lth

    # After the backend has been chosen.
    import mnist

    data = mnist.load(_DATA_DIR.value)
    found = paired.measure(
        _steps(arm, True, data), _steps(arm, False, data), _PAIRS.value
    )
    with tempfile.TemporaryDirectory() as folder:
        search = lth.LotterySearch(_model(arm, True), _LEVELS.value, folder)
        ended: list[float] = []
        search.on_result = lambda row: ended.append(time.perf_counter())
        search.fit(
            *data.train,
            batch_size=_BATCH,
            steps_per_epoch=_ITERATIONS.value,
            verbose=0,
            validation_data=data.validation,
            test_data=data.test,
            evaluate_every=_every(),
        )
        rows = search.results
    # The first level compiles.
    seconds = (ended[-1] - ended[0]) / _LEVELS.value
    print(
        json.dumps(
            {
                "ratios": found.ratios,
                "rate": _ITERATIONS.value / seconds,
                "density": [row["density"] for row in rows],
                "accuracy": [row["test_accuracy"] for row in rows],
            }
        )
    )


def _started(arm: str) -> dict[str, Any]:
    backend = arm.partition("-")[2] or "tensorflow"
    ended = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], f"--one={arm}"],
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def main(_: list[str]) -> None:
    if _ONE.value:
        _one(_ONE.value)
        return
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in _CHOSEN.value}
    for _ in range(_ROUNDS.value):
        for arm, runs in found.items():
            runs.append(_started(arm))
    densities = [run["density"] for runs in found.values() for run in runs]
    print(f"every arm kept the same counts: {densities.count(densities[0])}", end=" ")
    print(f"of {len(densities)} searches; P_m {densities[0]}")
    for arm, runs in found.items():
        ratios = [ratio for run in runs for ratio in run["ratios"]]
        most = "1.10" if arm.endswith("torch") else "1.05"
        paired.report(
            f"{arm} step, masked / plain",
            f"{statistics.median(ratios):.2f} (min {min(ratios):.2f}, max "
            f"{max(ratios):.2f}, {len(ratios)} pairs)",
            f"<= {most}",
        )
        rates = [run["rate"] for run in runs]
        last = [100 * run["accuracy"][-1] for run in runs]
        paired.report(
            f"{arm} search",
            f"{statistics.median(rates):.0f} iterations a second (min "
            f"{min(rates):.0f}, max {max(rates):.0f}), accuracy of the last level "
            f"{min(last):.2f} to {max(last):.2f} %",
            "the same counts",
        )


if __name__ == "__main__":
    app.run(main)
