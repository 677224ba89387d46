"""A LeNet search against the two loops that people write instead.

One: a hand-written TensorFlow loop, train step and evaluation compiled by XLA, that
does the same work (the paper's cadence: validation and test sets every 100
iterations) and gets the same numbers. Two: the loop written today with stock tfmot:
wrap, compile, fit, strip, set the weights back, wrap again.

With MNIST also whole processes, from the command to its end: the program, which reads
the data, stores every level and draws the figure, and the loop written by hand, which
reads the same data. Beside the time stand the CPU seconds of both, which other work on
the machine disturbs less.

    python benchmarks/search_speed.py --data_dir=DIR_OF_TFDS   # MNIST
    python benchmarks/search_speed.py                          # made-up data
"""

from __future__ import annotations

import itertools
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

import lth_keras as lth
import mnist
import paired
from by_hand import BATCH, EVERY, LEARNING_RATE, RATE, ByHand, Outcome, lenet
from lth_keras import compat
from lth_keras.compat import keras, sparsity
from lth_keras.papers import datasets
from lth_keras.training import batches

import tensorflow as tf  # isort: skip

_DATA_DIR = flags.DEFINE_string("data_dir", None, "TFDS directory that holds mnist.")
_PAIRS = flags.DEFINE_integer("pairs", 5, "Pairs of searches.")
_LEVELS = flags.DEFINE_integer("levels", 4, "Pruning rounds (levels 0 to this).")
_ITERATIONS = flags.DEFINE_integer("iterations", 1000, "Iterations per level.")

_PROCESSES = flags.DEFINE_integer("processes", 3, "Pairs of whole processes.")
_LONG = flags.DEFINE_integer("long", 4000, "Iterations per level of these.")

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def _loss() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Ours:
    """The search of this package."""

    def __init__(self, data: datasets.Data):
        self._data = data
        self._model = lth.wrap(lenet(), RATE, output_rate=RATE / 2)
        self._model.compile(
            keras.optimizers.Adam(LEARNING_RATE),
            _loss(),
            metrics=["accuracy"],
            jit_compile=True,
            steps_per_execution=EVERY,
        )
        self._theta = lth.capture(self._model)
        self._dense = [np.ones(w.shape, np.float32) for w in self._masks()]
        self.outcome = Outcome([])

    def _masks(self) -> list[tf.Variable]:
        layers = compat.collect_prunable_layers(self._model)
        return [mask for layer in layers for _, mask, _ in layer.pruning_vars]

    def __call__(self) -> None:
        for mask, ones in zip(self._masks(), self._dense, strict=True):
            mask.assign(ones)
        lth.rewind(self._model, self._theta)
        with tempfile.TemporaryDirectory() as folder:
            search = lth.LotterySearch(self._model, _LEVELS.value, f"{folder}/run")
            history = search.fit(
                self._data.stream(BATCH),
                steps_per_epoch=_ITERATIONS.value,
                validation_data=self._data.validation,
                test_data=self._data.test,
                evaluate_every=EVERY,
                verbose=0,
            )
        traces = self._model.train_function.experimental_get_tracing_count()
        self.outcome = Outcome([c["val_loss"] for c in history.curves], traces)


class WithTfmot:
    """The loop that stock tfmot leads to: a new model for every level."""

    def __init__(self, data: datasets.Data):
        self._data = data
        self._theta = lenet().get_weights()

    def __call__(self) -> None:
        data, sparsity_now = self._data, 0.0
        trained = lenet()

        class EvaluateEvery(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.seen = getattr(self, "seen", 0) + 1
                if self.seen % EVERY == 0:
                    for x, y in (data.validation, data.test):
                        self.model.evaluate(x, y, batch_size=1000, verbose=0)

        for _ in range(_LEVELS.value + 1):
            schedule = sparsity.ConstantSparsity(
                sparsity_now, 0, frequency=1, end_step=1
            )
            model = sparsity.prune_low_magnitude(trained, pruning_schedule=schedule)
            model.compile(
                keras.optimizers.Adam(LEARNING_RATE), _loss(), metrics=["accuracy"]
            )
            stream = batches.batches(data.train, BATCH, drop_remainder=True)
            model.fit(
                stream,
                steps_per_epoch=_ITERATIONS.value,
                verbose=0,
                callbacks=[sparsity.UpdatePruningStep(), EvaluateEvery()],
            )
            last = sparsity.strip_pruning(model).get_weights()
            trained = lenet()
            trained.set_weights(
                [
                    np.where(w != 0, theta, 0.0)
                    for w, theta in zip(last, self._theta, strict=True)
                ]
            )
            sparsity_now = 1 - (1 - sparsity_now) * (1 - RATE)


class Process:
    """A command, run to its end every time; its last argument is a new directory.

    Attributes:
        cpu: CPU seconds of each run.
    """

    def __init__(self, folder: str, *command: str):
        self._command, self._folder = command, folder
        self._numbers = itertools.count()
        self.cpu: list[float] = []

    def __call__(self) -> None:
        place = f"{self._folder}/{next(self._numbers)}"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *(part.format(place) for part in self._command)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu.append(spent)


def whole_processes(folder: str) -> None:
    """Prints what the program takes, from the command on, beside the loop by hand."""
    levels, iterations = _LEVELS.value, _LONG.value
    program = Process(
        folder,
        str(_ROOT / "examples" / "lottery_search.py"),
        "--dataset=mnist",
        f"--data_dir={_DATA_DIR.value}",
        f"--levels={levels}",
        f"--iterations={iterations}",
        "--trials=1",
        "--controls=none",
        "--output_dir={}",
    )
    loop = Process(
        folder,
        str(_ROOT / "benchmarks" / "by_hand.py"),
        *map(str, (_DATA_DIR.value, levels, iterations)),
    )
    what = f"whole process, {levels + 1} levels x {iterations}: program / loop by hand"
    found = paired.measure(program, loop, _PROCESSES.value, warm_up=0)
    paired.report(what, found, "<= 1.1")
    ratios = [a / b for a, b in zip(program.cpu, loop.cpu, strict=True)]
    found = paired.Ratio(ratios, program.cpu, loop.cpu)
    paired.report("  the same in CPU seconds", found, "<= 1.1")


def main(_: list[str]) -> None:
    if _DATA_DIR.value and _PROCESSES.value:
        with tempfile.TemporaryDirectory() as folder:
            whole_processes(folder)
    if not _PAIRS.value:
        return
    data = mnist.load(_DATA_DIR.value)
    by_hand = ByHand(data, _LEVELS.value, _ITERATIONS.value)
    ours, tfmot = Ours(data), WithTfmot(data)
    work = f"LeNet on {data.name}, {_LEVELS.value + 1} levels x {_ITERATIONS.value}"
    found = paired.measure(ours, by_hand, _PAIRS.value)
    paired.report(f"{work}: search / hand-written XLA loop", found, "<= 1.5")
    theirs = np.array(by_hand.outcome.validation)
    difference = np.abs(np.array(ours.outcome.validation) - theirs) / theirs
    level_zero, everywhere = difference[0].max(), difference.max()
    print(
        "  largest relative difference of the validation losses: "
        f"{level_zero:.1e} at level 0, {everywhere:.1e} over all levels"
    )
    paired.report("  traces of the train step", ours.outcome.traces, "1")
    found = paired.measure(tfmot, ours, _PAIRS.value, warm_up=0)
    paired.report(f"{work}: stock tfmot loop / search", found, ">= 2.5")


if __name__ == "__main__":
    app.run(main)
