"""Criteria of the whole network against loops by hand: SNIP, GraSP, SynFlow."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import contexts
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry
from tests.support import small_search as small
from tests.support.criteria_by_hand import ORACLES, along

layers = keras.layers
X, Y = small.X, small.Y
RATE = 0.6  # of 48 + 24 weights: 29 stay


def network(criterion: str, activation: str | None = None, **arguments) -> keras.Model:
    """Two dense layers, the same at every call; biases do not stand at zero."""
    rng = np.random.default_rng(4)
    plain = keras.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
            layers.Dense(small.CLASSES, activation, name="head"),
        ]
    )
    plain.set_weights([rng.normal(size=w.shape) for w in plain.get_weights()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not activation)
    wrapped = lth.wrap(plain, RATE, "global", criterion, **arguments)
    wrapped.compile("sgd", loss)
    return wrapped


def of(model: keras.Model) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Kernels and biases in float64."""
    values = [weight.read().astype(np.float64) for weight in Network.of(model).weights]
    return values[::2], values[1::2]


@pytest.mark.parametrize(("criterion", "oracle"), ORACLES.items())
def test_it_keeps_what_a_loop_by_hand_keeps(criterion, oracle):
    model = network(criterion)
    expected = oracle(*of(model))
    before = small.values(model)
    assert lth.prune(model, data=(X, Y)) == 29 / 72
    assert small.same_bits(Network.of(model).masks, expected)
    # What is kept stays bit for bit, the rest is +0.0.
    kept = [
        small.masked(value, mask)
        for value, mask in zip(before, small.masks(model), strict=True)
    ]
    assert small.same_bits(small.values(model), kept)


def test_a_hessian_product_is_the_gradient_s_change_along_the_vector():
    model = network("grasp")
    kernels, biases = of(model)
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=k.shape).astype(np.float32) for k in kernels]
    context = contexts.NetworkContext(Network.of(model), None, (X, Y), rng)
    found = context.hessian_products(vectors)
    for mine, theirs in zip(found, along(kernels, biases, vectors), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)
    # Pruned entries have no part in it: the smaller network's own Hessian.
    lth.prune(model, data=(X, Y))
    masks = Network.of(model).masks
    held = [v * m for v, m in zip(vectors, masks, strict=True)]
    expected = along(of(model)[0], biases, held)
    for mine, theirs, mask in zip(
        context.hessian_products(vectors), expected, masks, strict=True
    ):
        assert not mine[~mask].any()
        np.testing.assert_allclose(mine[mask], theirs[mask], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_flow_passes_over_probabilities_and_needs_no_data():
    logits, chances = network("synflow"), network("synflow", "softmax")
    softmax = keras.Sequential([*network("synflow").layers, layers.Softmax()])
    for model in (logits, chances, softmax):
        lth.prune(model)
        assert small.same_bits(Network.of(model).masks, Network.of(logits).masks)
    # The activations are what they were.
    assert chances.layers[1].layer.activation is keras.activations.softmax
    np.testing.assert_allclose(softmax(X[:3]).numpy().sum(axis=1), 1, rtol=1e-5)


def test_the_weights_stay_where_nothing_can_be_ranked():
    model = network("synflow")
    for weight in Network.of(model).pruned[1:]:
        weight.write(np.zeros(weight.shape, np.float32))
    before = small.values(model)
    with pytest.raises(LotteryError, match="nothing flows through the network"):
        lth.prune(model)
    assert small.same_bits(small.values(model), before)
    with pytest.raises(LotteryError, match="'snip' reads gradients: pass the data"):
        lth.prune(network("snip"))


@pytest.fixture
def criteria(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


def test_one_of_the_users_own_sees_everything_step_by_step(criteria):
    seen = []

    @lth.criteria.register("mine", needs=("initial",), whole=True, rounds=3)
    def mine(context):
        seen.append((context.weights, context.masks, context.initial))
        assert context.model is model and context.data is None
        return [context.rng.random(w.shape) for w in context.weights]

    model = network("mine")
    start = lth.capture(model)
    assert lth.prune(model, start) == 29 / 72
    # From 72 to 29 by one factor: 72 * (29 / 72)^(1/3) = 53.2, then 39.1.
    numbers = [sum(int(m.sum()) for m in masks) for _, masks, _ in seen]
    assert numbers == [72, 53, 39]
    for values, masks, initial in seen:
        kept = [small.masked(v, m) for v, m in zip(initial, masks, strict=True)]
        assert small.same_bits(values, kept)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda c: c.weights[0], "returned .*: return a list of 2 arrays"),
        (lambda c: c.weights[:1], "return a list of 2 arrays, the scores of each"),
        (lambda c: [w[0] for w in c.weights], r"scores of shape \(8,\) for hidden/"),
        (lambda c: [w * np.nan for w in c.weights], "a score is NaN"),
    ],
)
def test_what_it_returns_is_checked(criteria, returned, said):
    lth.criteria.register("mine", whole=True)(returned)
    model = network("mine")
    with pytest.raises(LotteryError, match=said):
        lth.prune(model)
    assert Network.of(model).density == 1


def test_what_is_registered_wrongly_is_said(criteria):
    with pytest.raises(LotteryError, match=r"takes \(w\): write f\(context\)|write f"):
        lth.criteria.register("mine", whole=True)(lambda a, b: a)
    with pytest.raises(LotteryError, match="rounds=3 is for criteria of the whole"):
        lth.criteria.register("mine", rounds=3)
    with pytest.raises(LotteryError, match="rounds=0: give the steps of a round"):
        lth.criteria.register("mine", whole=True, rounds=0)
    with pytest.raises(LotteryError, match="whole="):
        lth.criteria.register("mine", whole="yes")
