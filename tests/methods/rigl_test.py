"""RigL: the mask grows where the gradient on its data is largest: against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.dense_gradients import DenseGradients
from lth_keras.masking.network import Network
from tests.support import small_search as small

X, Y = small.X, small.Y
layers = keras.layers


def model_of() -> keras.Model:
    plain = keras.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
            layers.Dense(small.CLASSES, name="head"),
        ]
    )
    rng = np.random.default_rng(2)
    plain.set_weights([rng.normal(size=w.shape) for w in plain.get_weights()])
    return plain


def compiled(method: lth.methods.Method, **arguments) -> keras.Model:
    method.model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **arguments,
    )
    return method.model


def gradients(values: list[np.ndarray], x: np.ndarray, y: np.ndarray):
    """Of the mean cross-entropy by both kernels, by hand."""
    first, bias, second, offset = (np.asarray(v, np.float64) for v in values)
    hidden = np.maximum(x @ first + bias, 0)
    logits = hidden @ second + offset
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - np.eye(small.CLASSES)[y]) / len(y)
    return [x.T @ (error @ second.T * (hidden > 0)), hidden.T @ error]


class Around(keras.callbacks.Callback):
    """Masks and weights at each step, as one of two callbacks sees them."""

    def __init__(self):
        super().__init__()
        self.masks, self.values = [], []

    def on_train_batch_end(self, batch, logs=None):
        network = Network.of(self.model)
        lth.verify(network)
        self.masks.append([mask.copy() for mask in network.masks])
        self.values.append([weight.read() for weight in network.weights])


def test_what_grows_has_the_largest_gradient_of_all_that_is_not_kept():
    method = lth.methods.RigL(model_of(), density=0.5, drop=0.5, every=3, end=8)
    model, before, after = compiled(method), Around(), Around()
    batches = [(X[:20], Y[:20]), (X[20:], Y[20:])]
    callbacks = [before, *method.callbacks(data=batches), after]
    lth.capture(model)  # Slots and metrics, which the first step would trace anew.
    model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, batch_size=9, epochs=2, callbacks=callbacks, verbose=0)
    assert model.train_function.experimental_get_tracing_count() == 1
    steps = len(before.masks)
    moved = [
        step + 1
        for step in range(steps)
        if not small.same_bits(before.masks[step], after.masks[step])
    ]
    assert moved == [3, 6]
    for step, (x, y) in zip(moved, batches, strict=True):
        share = 0.5 / 2 * (1 + math.cos(math.pi * step / 8))
        old, new = before.masks[step - 1], after.masks[step - 1]
        values = before.values[step - 1]
        found = gradients(values, x, y)
        kernels, later = values[::2], after.values[step - 1][::2]
        for place, (mask, grown) in enumerate(zip(old, new, strict=True)):
            count = round(share * mask.sum())
            present = np.flatnonzero(mask)
            sizes = np.abs(kernels[place].reshape(-1))
            kept = set(sorted(present, key=lambda i: -sizes[i])[: mask.sum() - count])
            free = [i for i in range(mask.size) if i not in kept]
            slope = np.abs(found[place].reshape(-1))
            come = set(sorted(free, key=lambda i: -slope[i])[:count])
            assert set(np.flatnonzero(grown)) == kept | come
            assert not later[place][grown & ~mask].any()
            both = grown & mask
            assert np.array_equal(later[place][both], kernels[place][both])
    lth.verify(model)
    assert method.ticket().density == 0.5


def test_gradients_in_mid_fit_leave_everything_as_it_is():
    model = compiled(lth.methods.RigL(model_of(), density=0.5))
    network = Network.of(model)
    rng = np.random.default_rng(1)
    for weight in network.pruned:
        weight.write_mask(rng.random(weight.shape) < 0.5)
    model.evaluate(X[:10], Y[:10], verbose=0)
    metrics = {m.name: float(m.result()) for m in model.metrics}
    values, masks = small.values(model), network.masks
    found = DenseGradients(network)([(X, Y)])
    for mine, wanted in zip(found, gradients(values, X, Y), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-6)
    assert {m.name: float(m.result()) for m in model.metrics} == metrics
    assert metrics["loss"] > 0
    assert small.same_bits(small.values(model), values)
    assert small.same_bits(network.masks, masks)


def test_the_share_falls_along_half_a_cosine_and_ends():
    method = lth.methods.RigL(model_of(), drop=0.3, end=100)
    assert method.dropped_at(0) == pytest.approx(0.3)
    assert method.dropped_at(50) == pytest.approx(0.15)
    assert method.dropped_at(100) == method.dropped_at(101) == 0
    assert lth.methods.RigL(model_of(), drop=0.3).dropped_at(10**6) == 0.3


def test_what_cannot_be_used_is_refused():
    method = lth.methods.RigL(model_of(), every=1)
    with pytest.raises(lth.LotteryError, match="RigL reads gradients"):
        method.callbacks()
    with pytest.raises(lth.LotteryError, match="end=-1"):
        lth.methods.RigL(model_of(), end=-1)
    with pytest.raises(lth.LotteryError, match="no batch left"):
        compiled(method).fit(
            X, Y, batch_size=20, verbose=0, callbacks=method.callbacks(data=[])
        )
