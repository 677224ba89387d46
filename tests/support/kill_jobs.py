"""The small jobs that tests kill, by name; each runs in a process of its own.

`killing.py` starts them. TensorFlow is imported there, before any job runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Each leaves files of its own kind: `continued` a chain, `weight_rewind` a replay.
CONTROLS = ("random_reinit", "one_shot+weight_rewind:step=3it")
CHAIN = "continued"


def _search(trial: int, directory: str, jit: bool = False) -> Any:
    """Rewound to step 2, with dropout and an optimizer with slots."""
    import lth_keras as lth
    from lth_keras.compat import keras, seeded
    from tests.support import small_search as small

    # Named, since Keras numbers the layers of a process, and a worker may make one
    # model or several.
    with seeded(trial):
        layers = [
            keras.layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
            keras.layers.Dropout(0.3, name="dropout"),
            keras.layers.Dense(small.CLASSES, name="head"),
        ]
        plain = keras.Sequential(layers)
    model = small.compiled(plain, jit_compile=jit)
    search = lth.LotterySearch(
        model, 2, directory, rewind_to="2it", seed=trial, trial=trial
    )
    return search, {
        "x": small.X,
        "y": small.Y,
        "batch_size": small.BATCH,
        "validation_data": small.VALIDATION,
        "evaluate_every": 2,
        "verbose": 0,
    }


def library(directory: str, jit: bool = False, controls: Any = CONTROLS) -> None:
    """A search by itself, then its controls."""
    import lth_keras as lth

    search, arguments = _search(0, directory, jit)
    search.fit(**arguments)
    for control in controls:
        lth.controls.run(search, control, levels=[2])


def library_chain(directory: str) -> None:
    """The same with continued training, which stores what it has found so far."""
    library(directory, controls=[CHAIN])


def library_jit(directory: str) -> None:
    """The same, compiled by XLA."""
    library(directory, jit=True)


def held(directory: str) -> None:
    """A class with steps of its own on masks in place, and noise; then a control."""
    import lth_keras as lth
    from lth_keras.compat import seeded
    from tests.support import own_models

    with seeded(0):
        # Its noise has a generator of the old kind, which hold has to replace.
        model, data = own_models.vae()
    lth.hold(model, 0.3)
    search = lth.LotterySearch(model, 2, directory, rewind_to="2it", seed=3)
    x = data["x"]
    search.fit(x, validation_data=x[:8], epochs=2, batch_size=8, verbose=0)
    lth.controls.run(search, "random_reinit", levels=[2])


def library_early(directory: str) -> None:
    """A search whose levels end when their masks have settled."""
    import lth_keras as lth

    search, arguments = _search(0, directory)
    search.stop = lth.MaskConverged(threshold=0.4, window=1)
    search.fit(**{**arguments, "epochs": 3})
    assert search.results[0]["iterations"] < 15
    lth.controls.run(search, CONTROLS[0], levels=[2])


def experiment(directory: str, workers: int = 0) -> None:
    """Two trials with their controls."""
    import lth_keras as lth

    controls = CONTROLS[:1]
    lth.Experiment(_search, 2, controls, directory, levels=[2]).run(workers)


def experiment_workers(directory: str) -> None:
    """The same by two processes at a time."""
    experiment(directory, workers=2)


def program(directory: str, workers: int = 0) -> None:
    """What a user types, with its table and figure."""
    from lth_keras.programs import lottery_search

    sys.argv = [
        "lth-search",
        f"--output_dir={directory}",
        f"--workers={workers}",
        "--controls=random_reinit,one_shot",
        "--trials=1",
        "--levels=2",
        "--iterations=6",
        "--evaluate_every=3",
        "--rewind_to=2it",
        "--jit=off",
    ]
    sys.exit(lottery_search.program())


def program_workers(directory: str) -> None:
    """The same by two processes at a time."""
    program(directory, workers=2)


def method(directory: str, written: str = "supermask") -> None:
    """A learned mask in a run directory."""
    import lth_keras as lth
    from lth_keras.compat import keras
    from tests.support import small_search as small

    name, given = lth.methods.parse(written)
    made = lth.methods.get(name)(small.dense_model(dropout=0.3), **given)
    made.model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    search = lth.methods.MethodSearch(made, directory, seed=3)
    small.fit(search, validation_data=small.VALIDATION)


def method_phases(directory: str) -> None:
    """A method of several phases."""
    method(directory, "iht:rates=0.5:rounds=1")


JOBS: dict[str, Callable[[str], None]] = {
    job.__name__: job
    for job in (
        library,
        library_chain,
        library_early,
        library_jit,
        held,
        experiment,
        experiment_workers,
        program,
        program_workers,
        method,
        method_phases,
    )
}
