"""A LeNet search against the two loops that people write instead.

One: a hand-written TensorFlow loop, train step and evaluation compiled by XLA, that
does the same work (the paper's cadence: validation and test sets every 100
iterations) and gets the same numbers. Two: the loop written today with stock tfmot:
wrap, compile, fit, strip, set the weights back, wrap again.

    python benchmarks/search_speed.py --data_dir=DIR_OF_TFDS   # MNIST
    python benchmarks/search_speed.py                          # made-up data
"""

from __future__ import annotations

import dataclasses
import tempfile

import numpy as np
from absl import app, flags

import lth_keras as lth
import mnist
import paired
from lth_keras import compat
from lth_keras.compat import keras, sparsity
from lth_keras.papers import datasets, networks
from lth_keras.pruning import masks
from lth_keras.training import batches

import tensorflow as tf  # isort: skip

_DATA_DIR = flags.DEFINE_string("data_dir", None, "TFDS directory that holds mnist.")
_PAIRS = flags.DEFINE_integer("pairs", 5, "Pairs of searches.")
_LEVELS = flags.DEFINE_integer("levels", 4, "Pruning rounds (levels 0 to this).")
_ITERATIONS = flags.DEFINE_integer("iterations", 1000, "Iterations per level.")

_BATCH, _EVERY, _RATE, _LEARNING_RATE = 60, 100, 0.2, 1.2e-3


def _lenet() -> keras.Model:
    with compat.seeded(0):
        return networks.build("lenet", (28, 28, 1), 10)


def _loss() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclasses.dataclass
class Outcome:
    """What an arm found: validation losses by level, and the traces of its step."""

    validation: list[list[float]]
    traces: int = 0


class Ours:
    """The search of this package."""

    def __init__(self, data: datasets.Data):
        self._data = data
        self._model = lth.wrap(_lenet(), _RATE, output_rate=_RATE / 2)
        self._model.compile(
            keras.optimizers.Adam(_LEARNING_RATE),
            _loss(),
            metrics=["accuracy"],
            jit_compile=True,
            steps_per_execution=_EVERY,
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
                self._data.stream(_BATCH),
                steps_per_epoch=_ITERATIONS.value,
                validation_data=self._data.validation,
                test_data=self._data.test,
                evaluate_every=_EVERY,
                verbose=0,
            )
        traces = self._model.train_function.experimental_get_tracing_count()
        self.outcome = Outcome([c["val_loss"] for c in history.curves], traces)


class ByHand:
    """The same search as a loop of TensorFlow operations, compiled by XLA."""

    def __init__(self, data: datasets.Data):
        self._data = data
        self._theta = _lenet().get_weights()
        self._w = [tf.Variable(w) for w in self._theta]
        self._m, self._v = (
            [tf.Variable(tf.zeros_like(w)) for w in self._w] for _ in range(2)
        )
        self._mask = [tf.Variable(tf.ones_like(w)) for w in self._w]
        self._t = tf.Variable(0.0)
        self._sets = [
            [(tf.constant(x[i : i + 1000]), tf.constant(y[i : i + 1000])) for i in
             range(0, len(x), 1000)]
            for x, y in (data.validation, data.test)
        ]  # fmt: skip
        self.outcome = Outcome([])

    def _logits(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.reshape(x, [tf.shape(x)[0], 784])
        for i in (0, 2, 4):
            x = tf.matmul(x, self._w[i]) + self._w[i + 1]
            x = tf.nn.relu(x) if i < 4 else x
        return x

    def _losses(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = self._logits(x)
        return logits, tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)

    @tf.function(jit_compile=True)
    def _step(self, x: tf.Tensor, y: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._losses(x, y)[1])
        gradients = tape.gradient(loss, self._w)
        self._t.assign_add(1.0)
        alpha = _LEARNING_RATE * tf.sqrt(1 - 0.999**self._t) / (1 - 0.9**self._t)
        for w, m, v, mask, g in zip(
            self._w, self._m, self._v, self._mask, gradients, strict=True
        ):
            g = g * mask
            m.assign_add((g - m) * (1 - 0.9))
            v.assign_add((tf.square(g) - v) * (1 - 0.999))
            w.assign_sub(m * alpha / (tf.sqrt(v) + 1e-7))

    @tf.function(reduce_retracing=True)
    def _steps(self, iterator: tf.data.Iterator) -> None:
        for _ in tf.range(_EVERY):
            self._step(*next(iterator))

    @tf.function(jit_compile=True)
    def _evaluated(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, losses = self._losses(x, y)
        right = tf.argmax(logits, 1) == y
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))

    def _evaluate(self, chunks: list) -> tuple[float, float]:
        sums = np.sum([[float(v) for v in self._evaluated(*c)] for c in chunks], 0)
        return tuple(sums / sum(len(c[1]) for c in chunks))

    def __call__(self) -> None:
        kept = [np.ones(w.shape, bool) for w in self._theta]
        found = []
        for level in range(_LEVELS.value + 1):
            if level:
                for i, rate in ((0, _RATE), (2, _RATE), (4, _RATE / 2)):
                    score = np.where(kept[i], np.abs(self._w[i].numpy()), -1).ravel()
                    n = int(kept[i].sum())
                    best = np.argsort(-score, kind="stable")[: n - round(rate * n)]
                    kept[i] = np.zeros(score.size, bool)
                    kept[i][best] = True
                    kept[i] = kept[i].reshape(self._theta[i].shape)
            for i, theta in enumerate(self._theta):
                self._mask[i].assign(kept[i].astype(np.float32))
                self._w[i].assign(masks.apply(theta, kept[i]))
                self._m[i].assign(np.zeros_like(theta))
                self._v[i].assign(np.zeros_like(theta))
            self._t.assign(0.0)
            stream = batches.batches(
                self._data.train, _BATCH, level=level, drop_remainder=True
            )
            iterator, curve = iter(stream), []
            for _ in range(_ITERATIONS.value // _EVERY):
                self._steps(iterator)
                loss, _ = self._evaluate(self._sets[0])
                self._evaluate(self._sets[1])
                curve.append(loss)
            found.append(curve)
        self.outcome = Outcome(found)


class WithTfmot:
    """The loop that stock tfmot leads to: a new model for every level."""

    def __init__(self, data: datasets.Data):
        self._data = data
        self._theta = _lenet().get_weights()

    def __call__(self) -> None:
        data, sparsity_now = self._data, 0.0
        trained = _lenet()

        class EvaluateEvery(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.seen = getattr(self, "seen", 0) + 1
                if self.seen % _EVERY == 0:
                    for x, y in (data.validation, data.test):
                        self.model.evaluate(x, y, batch_size=1000, verbose=0)

        for _ in range(_LEVELS.value + 1):
            schedule = sparsity.ConstantSparsity(
                sparsity_now, 0, frequency=1, end_step=1
            )
            model = sparsity.prune_low_magnitude(trained, pruning_schedule=schedule)
            model.compile(
                keras.optimizers.Adam(_LEARNING_RATE), _loss(), metrics=["accuracy"]
            )
            stream = batches.batches(data.train, _BATCH, drop_remainder=True)
            model.fit(
                stream,
                steps_per_epoch=_ITERATIONS.value,
                verbose=0,
                callbacks=[sparsity.UpdatePruningStep(), EvaluateEvery()],
            )
            last = sparsity.strip_pruning(model).get_weights()
            trained = _lenet()
            trained.set_weights(
                [
                    np.where(w != 0, theta, 0.0)
                    for w, theta in zip(last, self._theta, strict=True)
                ]
            )
            sparsity_now = 1 - (1 - sparsity_now) * (1 - _RATE)


def main(_: list[str]) -> None:
    data = mnist.load(_DATA_DIR.value)
    ours, by_hand, tfmot = Ours(data), ByHand(data), WithTfmot(data)
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
