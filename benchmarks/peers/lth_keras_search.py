"""The search of this project, in the environment of this project."""

from __future__ import annotations

import os
import pathlib
import tempfile

import numpy as np
import task

import lth_keras as lth
from lth_keras.compat import keras


def _compiled() -> keras.Model:
    model = keras.Sequential(
        [
            keras.layers.Dense(300, "relu", input_shape=(784,)),
            keras.layers.Dense(100, "relu"),
            keras.layers.Dense(10),
        ]
    )
    model.set_weights([array for pair in task.theta() for array in pair])
    model = lth.wrap(model, task.RATES[0], output_rate=task.RATES[-1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(task.LEARNING_RATE)
    model.compile(optimizer, loss, steps_per_execution=50, jit_compile=True)
    return model


def _bytes(path: pathlib.Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    (x, y), model = task.data(), _compiled()
    fit = dict(x=x, y=y, batch_size=task.BATCH, verbose=0)
    fit["epochs"] = task.ITERATIONS * task.BATCH // len(x)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        search = lth.LotterySearch(model, task.LEVELS, place / "run")
        search.fit(**fit)
        masks = [
            [mask for _, mask in search.ticket(level).pruned()]
            for level in range(task.LEVELS + 1)
        ]
        # As a checkpoint of the moment after the last step has it.
        model.save_weights(place / "after.weights.h5")
        model.load_weights(place / "after.weights.h5")
        kernels = lth.unwrap(model).get_weights()[::2]
        checkpoint = task.obeys(kernels, masks[-1])
        ticket = search.ticket(task.LEVELS)
        weights = [np.asarray(weight.value) for weight in ticket.weights]
        start = task.starts_at_theta(weights[::2], weights[1::2], masks[-1])
        lth.export_saved_model(model, place / "served", verbose=False)
        shipped = _bytes(place / "served")
        again = lth.LotterySearch(model, task.LEVELS, place / "run")
        resumes = len(again.fit(**fit).results) == task.LEVELS + 1
        ticket.apply(model)
        lth.rewind(model, ticket.start())
        state = model.optimizer.variables
        optimizer = not any(np.any(v.numpy()) for v in state if v.shape.rank)
    milliseconds = task.timed(lambda: model.fit(**fit))
    found = task.Found(
        kept=[task.counted(level) for level in masks],
        milliseconds=milliseconds,
        **start,
        optimizer=optimizer,
        shrinks=task.shrink(masks),
        checkpoint=checkpoint,
        resumes=resumes,
        shipped=shipped,
        note="ships a packed SavedModel",
    )
    task.told("lth_keras", lth.__version__, found)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
