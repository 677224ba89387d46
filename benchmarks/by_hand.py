"""The search of LeNet that a person writes by hand in TensorFlow, compiled by XLA.

It does the same work as the search of this package (the paper's cadence: validation
and test sets every 100 iterations) and gets the same numbers. `search_speed.py` has it
as an arm, and as a process of its own:

    python benchmarks/by_hand.py DIR_OF_TFDS LEVELS ITERATIONS
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np

import mnist
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.papers import datasets, networks
from lth_keras.pruning import masks
from lth_keras.training import batches

import tensorflow as tf  # isort: skip

BATCH, EVERY, RATE, LEARNING_RATE = 60, 100, 0.2, 1.2e-3


def lenet() -> keras.Model:
    """LeNet-300-100, the same weights every time."""
    with compat.seeded(0):
        return networks.build("lenet", (28, 28, 1), 10)


@dataclasses.dataclass
class Outcome:
    """What an arm found: validation losses by level, and the traces of its step."""

    validation: list[list[float]]
    traces: int = 0


class ByHand:
    """The same search as a loop of TensorFlow operations, compiled by XLA."""

    def __init__(self, data: datasets.Data, levels: int, iterations: int):
        self._data, self._levels, self._iterations = data, levels, iterations
        self._theta = lenet().get_weights()
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
        alpha = LEARNING_RATE * tf.sqrt(1 - 0.999**self._t) / (1 - 0.9**self._t)
        for w, m, v, mask, g in zip(
            self._w, self._m, self._v, self._mask, gradients, strict=True
        ):
            g = g * mask
            m.assign_add((g - m) * (1 - 0.9))
            v.assign_add((tf.square(g) - v) * (1 - 0.999))
            w.assign_sub(m * alpha / (tf.sqrt(v) + 1e-7))

    @tf.function(reduce_retracing=True)
    def _steps(self, iterator: tf.data.Iterator) -> None:
        for _ in tf.range(EVERY):
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
        for level in range(self._levels + 1):
            if level:
                for i, rate in ((0, RATE), (2, RATE), (4, RATE / 2)):
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
                self._data.train, BATCH, level=level, drop_remainder=True
            )
            iterator, curve = iter(stream), []
            for _ in range(self._iterations // EVERY):
                self._steps(iterator)
                loss, _ = self._evaluate(self._sets[0])
                self._evaluate(self._sets[1])
                curve.append(loss)
            found.append(curve)
        self.outcome = Outcome(found)


def main() -> None:
    """Reads the data, searches, and prints the last loss of each level."""
    data_dir, levels, iterations = sys.argv[1:]
    search = ByHand(mnist.load(data_dir), int(levels), int(iterations))
    search()
    print(*(curve[-1] for curve in search.outcome.validation))


if __name__ == "__main__":
    main()
