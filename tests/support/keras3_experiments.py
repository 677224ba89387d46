"""Experiments and programs on Keras 3 models, on the backend of their process.

KERAS_BACKEND=jax python -m tests.support.keras3_experiments JOB FOLDER
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import keras

import lth_keras as lth
from tests.support import keras3_searches as searches
from tests.support.keras3_jobs import BATCH, CLASSES, LEVELS, RATE


def made_for(trial: int, directory: str) -> tuple[Any, dict[str, Any]]:
    """The search of a trial, and what its `fit` takes."""
    (x, y), validation = searches.data(45, 0), searches.data(20, 1)
    layers = keras.layers
    made = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu")])
    made.add(layers.Dropout(0.3))
    made.add(layers.Dense(CLASSES))
    made.compile("adam", searches.loss, metrics=["accuracy"])
    of = lth.LotterySearch(
        lth.hold(made, RATE), LEVELS, directory, trial=trial, seed=trial
    )
    return of, {
        "x": x, "y": y, "batch_size": BATCH, "epochs": 2,
        "validation_data": validation, "evaluate_every": 2,
    }  # fmt: skip


def experiments(folder: pathlib.Path) -> dict[str, Any]:
    """Two trials with a control, by one process and by two."""
    found: dict[str, Any] = {}
    for workers in (1, 2):
        of = lth.Experiment(
            made_for, 2, ["random_reinit"], folder / str(workers), levels=[2]
        )
        rows = of.run(workers=workers)
        found[str(workers)] = [
            {key: value for key, value in row.items() if key not in ("seconds",)}
            for row in rows
        ]
    return found


def imports(folder: pathlib.Path) -> dict[str, Any]:
    """What of TensorFlow's Keras a search and an experiment have imported."""
    (x, y), made = searches.data(45, 0), searches.model()
    searches.search(folder / "one", made).fit(
        x, y, batch_size=BATCH, epochs=1, verbose=0
    )
    lth.Experiment(made_for, 1, [], folder / "trials").run()
    names = ("tf_keras", "tensorflow_model_optimization")
    found = [name for name in names if name in sys.modules]
    wrapped = lth.wrap(made_for(0, str(folder / "plain"))[0].model, RATE)
    return {"before": found, "wrapped": lth.coverage(wrapped, print_fn=None).density}


def programs(folder: pathlib.Path) -> dict[str, Any]:
    """What lth-search stores by two workers, and whether it goes on from it."""
    from lth_keras.programs import command_line, lottery_search, options

    given = ["--iterations=20", "--evaluate_every=10", "--levels=1", "--trials=2"]
    given += ["--keras=keras3", "--controls=random_reinit", f"--output_dir={folder}"]

    def run(workers: int) -> int:
        argv = ["lottery_search.py", *given, f"--workers={workers}"]
        return command_line.run(lottery_search.main, argv, options.ARGUMENTS)

    codes = [run(2), run(2)]
    lines = (folder / "results.jsonl").read_text().splitlines()
    return {"codes": codes, "rows": [json.loads(line) for line in lines]}


JOBS = {job.__name__: job for job in (experiments, imports, programs)}

if __name__ == "__main__":
    told = JOBS[sys.argv[1]](pathlib.Path(sys.argv[2]))
    print(json.dumps(told))
