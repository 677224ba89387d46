"""Searches of Keras 3 models, on the backend of the process that carries them out.

    KERAS_BACKEND=jax python -m tests.support.keras3_searches JOB FOLDER

Each job prints one line of JSON about what it found.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import lth_keras as lth
from tests.support.keras3_jobs import BATCH, CLASSES, LEVELS, RATE, REWIND, data

TRACES: list[int] = []


def loss(y: Any, logits: Any) -> Any:
    """The loss, which counts how often it is traced or called."""
    TRACES.append(1)
    found = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    return found


def model(optimizer: Any = None, **compiled: Any) -> keras.Model:
    """Dense layers with normalisation and dropout, held on masks and compiled."""
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, "relu", name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.3, name="dropout"),
            keras.layers.Dense(CLASSES, name="head"),
        ]
    )
    made.compile(
        optimizer or keras.optimizers.Adam(0.01), loss, metrics=["accuracy"], **compiled
    )
    return lth.hold(made, RATE)


def search(folder: pathlib.Path, made: Any = None, **arguments: Any) -> Any:
    """A search that is rewound to a step in the middle of an epoch."""
    given = {"rewind_to": REWIND, "seed": 4, **arguments}
    levels = given.pop("levels", LEVELS)
    return lth.LotterySearch(made or model(), levels, folder, **given)


def fit(of: Any, **arguments: Any) -> Any:
    x, y = data(45, 0)
    given = {
        "batch_size": BATCH,
        "epochs": 2,
        "validation_data": data(20, 1),
        "test_data": data(20, 2),
        "evaluate_every": 2,
        "verbose": 0,
        **arguments,
    }
    return of.fit(x, y, **given)


class _KillsAt(keras.callbacks.Callback):
    """Ends the process at a batch of the n-th `fit`, as a power cut would."""

    def __init__(self, fit_number: int, batch: int):
        super().__init__()
        self._at, self._fits = (fit_number, batch), -1

    def on_train_begin(self, logs: Any = None) -> None:
        self._fits += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self._fits, batch) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def whole(folder: pathlib.Path) -> dict[str, Any]:
    """A search, and how often its loss was traced at each level."""
    found = search(folder)
    traces = []
    found.on_result = lambda row: traces.append(len(TRACES))
    fit(found)
    lth.verify(found.model)
    lth.controls.run(found, "random_reinit+one_draw", levels=[2], replicates=2)
    lth.controls.run(found, "one_shot", levels=[2])
    return {
        "traces": traces[: LEVELS + 1],
        "step": int(found.model.optimizer.iterations.numpy()),
    }


def killed(folder: pathlib.Path) -> dict[str, Any]:
    """The same, ended in the middle of level 1."""
    fit(search(folder), callbacks=[_KillsAt(1, 4)])
    return {}


def others(folder: pathlib.Path) -> dict[str, Any]:
    """The same without evaluations, and on generators of NumPy batches."""
    from lth_keras.training.numpy_batches import numpy_batches

    x, y = data(45, 0)

    def batches(level: int, seed: int, start: int = 0) -> Any:
        return numpy_batches((x, y), BATCH, seed=seed, level=level, start=start)

    fit(search(folder / "unwatched"), evaluate_every=None)
    search(folder / "generators").fit(batches, steps_per_epoch=5, epochs=2, verbose=0)
    return {}


def settings(folder: pathlib.Path) -> dict[str, Any]:
    """Two levels with each of the settings of `compile` and the optimizers."""
    optimizers, schedules = keras.optimizers, keras.optimizers.schedules
    tensorflow = keras.backend.backend() == "tensorflow"
    found: dict[str, Any] = {}
    cases: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
        "ema": lambda: (optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), {}),
        "clipping": lambda: (optimizers.Adam(0.01, global_clipnorm=0.1), {}),
        "decay": lambda: (optimizers.AdamW(0.01, weight_decay=0.01), {}),
        "accumulation": lambda: (
            optimizers.Adam(0.01, gradient_accumulation_steps=2),
            {},
        ),
        "schedule": lambda: (optimizers.SGD(schedules.CosineDecay(0.1, 10), 0.9), {}),
        "eager": lambda: (None, {"run_eagerly": True}),
    }
    if keras.backend.backend() != "torch":
        cases["jit"] = lambda: (None, {"jit_compile": True})
        cases["executions"] = lambda: (None, {"steps_per_execution": 5})
    if tensorflow:
        cases["scaled loss"] = lambda: (
            optimizers.LossScaleOptimizer(optimizers.Adam(0.01)),
            {},
        )
    made_by: dict[str, Callable[[], Any]] = {
        name: lambda case=case: model(case()[0], **case()[1])
        for name, case in cases.items()
    }
    for name, make in {**made_by, "mixed": _mixed, "sequences": _sequences}.items():
        of = search(folder / name, make(), rewind_to="5it", levels=1)
        fit(of, evaluate_every=5)
        lth.controls.run(of, "fine_tune", levels=[1])
        found[name] = [row["iterations"] for row in of.results]
    return found


def _mixed() -> keras.Model:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return model()
    finally:
        keras.config.set_dtype_policy("float32")


def _sequences() -> keras.Model:
    """An embedding, attention and a recurrent layer, on numbers cut to whole ones."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    words = keras.Input((6,))
    x = layers.Embedding(8, 4)(layers.Lambda(lambda x: abs(x) % 8)(words))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 2, dropout=0.1)(x, x)])
    x = layers.LSTM(4, recurrent_dropout=0.1)(layers.LayerNormalization()(x))
    made = keras.Model(words, layers.Dense(CLASSES)(x))
    made.compile("adam", loss, metrics=["accuracy"])
    return lth.hold(made, RATE, embeddings=True)


def controls(folder: pathlib.Path) -> dict[str, Any]:
    """Every control of the grid at level 2 of a search, or how it is refused.

    At level 1 one round is all there is, and one_shot has the ticket's own mask.
    """
    from tests.grid.rows import CONTROLS

    one, other = search(folder / "search"), search(folder / "other", seed=7)
    fit(one)
    fit(other)
    found: dict[str, Any] = {}
    for name, row in CONTROLS.items():
        text = row.text.format(ticket=other.directory.level(2).ticket)
        try:
            (line,) = lth.controls.run(one, text, levels=[2])
        except lth.LotteryError as error:
            found[name] = str(error)
            continue
        place = one.directory.control(lth.controls.parse(text).key, 2, 0)
        pairs = zip(
            lth.Ticket.load(place.ticket).weights, one.ticket(2).weights, strict=True
        )
        masks = [(a.mask, b.mask) for a, b in pairs if a.mask is not None]
        found[name] = {
            "same_mask": all(np.array_equal(*pair) for pair in masks),
            "counts": all(a.sum() == b.sum() for a, b in masks),
            "iterations": line["iterations"],
        }
        if name == "one_shot":
            pairs = zip(one.trained_weights(0), one.ticket(2).weights, strict=True)
            largest = [
                np.sort(np.abs(value), axis=None)[-weight.mask.sum()] <= np.abs(value)
                for value, weight in pairs
                if weight.mask is not None
            ]
            found[name]["by_hand"] = all(
                np.array_equal(theirs, ours)
                for theirs, (ours, _) in zip(largest, masks, strict=True)
            )
    return found


def pruned(folder: pathlib.Path) -> dict[str, Any]:
    """What every criterion and granularity leaves of the weights, or its refusal."""
    from tests.grid.rows import CRITERIA, GRANULARITIES

    wanted = [("criterion", name) for name in CRITERIA]
    wanted += [("granularity", text) for text in GRANULARITIES.values()]
    found: dict[str, Any] = {}
    made = model()
    start = lth.capture(made)
    held = True
    for name, value in wanted:
        if held:
            lth.release(made)
        try:
            held = False
            lth.hold(made, RATE, **{name: value})
            held = True
            lth.rewind(made, start)
            lth.prune(made, start, seed=1, data=data(45, 0))
            lth.rewind(made, start)
            lth.verify(made)
            kept = lth.Ticket.of(made, start).pruned()
            found[value] = [int(mask.sum()) for _, mask in kept]
        except lth.LotteryError as error:
            found[value] = str(error)
    return found


def exports(folder: pathlib.Path) -> dict[str, Any]:
    """The largest difference of what a searched model is exported to, by format."""
    import tensorflow as tf

    one = search(folder / "search", rewind_to="0it")
    fit(one, epochs=1)
    made, x = one.model, data(8, 5)[0]
    expected = made.predict(x, verbose=0)
    found: dict[str, Any] = {}

    def differs(name: str, given: Any) -> None:
        found[name] = float(np.abs(np.asarray(given) - expected).max())

    made.export(str(folder / "saved"), verbose=False)
    served = tf.saved_model.load(str(folder / "saved"))
    differs("saved_model", served.serve(x))
    made.export(str(folder / "m.tflite"), format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(folder / "m.tflite"))
    interpreter.resize_tensor_input(0, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    output = interpreter.get_output_details()[0]["index"]
    differs("litert", interpreter.get_tensor(output))
    made.save(folder / "m.keras")
    read = {"loss": loss}
    differs(
        "keras", keras.models.load_model(folder / "m.keras", read).predict(x, verbose=0)
    )
    converted = lth.from_keras3(made)
    differs("tf_keras", converted.predict(x, verbose=0))
    differs("compact", lth.compact(converted).predict(x, verbose=0))
    lth.verify(made)
    return found


_EVERY = (whole, killed, others, settings, controls, pruned, exports)
JOBS = {job.__name__: job for job in _EVERY}

if __name__ == "__main__":
    told = JOBS[sys.argv[1]](pathlib.Path(sys.argv[2]))
    print(json.dumps(told))
