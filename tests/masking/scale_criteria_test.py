"""Filters ranked by the scales behind them, by criteria of gradients: against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking import contexts
from lth_keras.masking.network import Network
from tests.support import small_search as small

layers = keras.layers
X, Y = small.X, small.Y
UNITS, EPSILON = 8, 1e-3


def network(criterion: str) -> keras.Model:
    """Dense units, their normalisation, and outputs; the same at every call."""
    rng = np.random.default_rng(5)
    plain = keras.Sequential(
        [
            layers.Dense(UNITS, input_shape=(6,), name="hidden"),
            layers.BatchNormalization(epsilon=EPSILON, name="norm"),
            layers.ReLU(),
            layers.Dense(small.CLASSES, name="head"),
        ]
    )
    values = {w.name: rng.normal(size=w.shape) for w in plain.weights}
    values["norm/moving_variance:0"] = rng.uniform(0.5, 2, UNITS)
    plain.set_weights([values[w.name] for w in plain.weights])
    model = lth.wrap(plain, 0.5, "global", criterion, granularity="filter:scale")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


def of(model: keras.Model) -> dict[str, np.ndarray]:
    return {
        weight.path: weight.read().astype(np.float64)
        for weight in Network.of(model).weights
    }


def by_scale(value: dict[str, np.ndarray], scale: np.ndarray) -> np.ndarray:
    """The gradient of the mean cross-entropy, as of evaluation, by the scales."""
    spread = np.sqrt(value["norm/moving_variance"] + EPSILON)
    given = X @ value["hidden/kernel"] + value["hidden/bias"]
    normal = (given - value["norm/moving_mean"]) / spread
    hidden = scale * normal + value["norm/beta"]
    logits = np.maximum(hidden, 0) @ value["head/kernel"] + value["head/bias"]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - np.eye(small.CLASSES)[Y]) / len(Y)
    return ((error @ value["head/kernel"].T) * (hidden > 0) * normal).sum(axis=0)


def kept(model: keras.Model) -> set[int]:
    (mask,) = Network.of(model).masks
    assert np.array_equal(mask.any(axis=0), mask.all(axis=0))
    return set(np.flatnonzero(mask.any(axis=0)))


def best(scores: np.ndarray) -> set[int]:
    return set(np.argsort(-scores, kind="stable")[: UNITS // 2])


def test_snip_is_of_the_scales_own_gradient():
    model = network("snip")
    value = of(model)
    scale = value["norm/gamma"]
    expected = best(np.abs(scale * by_scale(value, scale)))
    assert expected != best(np.abs(scale))
    lth.prune(model, data=(X, Y))
    assert kept(model) == expected
    for name in ("norm/gamma", "norm/beta", "hidden/bias"):
        assert set(np.flatnonzero(of(model)[name])) == expected


@pytest.mark.slow
def test_grasp_is_of_their_own_hessian():
    model = network("grasp")
    value = of(model)
    scale = value["norm/gamma"]
    vector, step = by_scale(value, scale), 1e-6
    there, back = (by_scale(value, scale + s * vector) for s in (step, -step))
    expected = (there - back) / (2 * step)
    rng = np.random.default_rng(0)
    context = contexts.NetworkContext(Network.of(model), None, (X, Y), rng)
    (first,) = context.gradients()
    np.testing.assert_allclose(first, np.tile(vector, (6, 1)), rtol=1e-3, atol=1e-5)
    (found,) = context.hessian_products([first])
    np.testing.assert_allclose(found, np.tile(expected, (6, 1)), rtol=1e-3, atol=1e-4)
    lth.prune(model, data=(X, Y))
    assert kept(model) == best(scale * expected)


@pytest.mark.slow
def test_the_flow_is_the_scales_own_and_what_is_pruned_is_out_of_it():
    model = network("synflow")
    value = {name: np.abs(each) for name, each in of(model).items()}
    spread = np.sqrt(value["norm/moving_variance"] + EPSILON)
    given = value["hidden/kernel"].sum(axis=0) + value["hidden/bias"]
    normal = (given - value["norm/moving_mean"]) / spread
    open_ = value["norm/gamma"] * normal + value["norm/beta"] > 0
    # One layer: no step changes another unit's flow.
    scores = value["norm/gamma"] * normal * open_ * value["head/kernel"].sum(axis=1)
    before = small.values(model)
    lth.prune(model)
    assert kept(model) == best(scores)
    masked = [v * m for v, m in zip(before, small.masks(model), strict=True)]
    for mine, wanted in zip(small.values(model), masked, strict=True):
        assert np.array_equal(mine[mine != 0], wanted[mine != 0])
    lth.verify(model)
