"""Tickets go from models of one Keras to those of the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.support import native_models as zoo

GRAPHS = sorted(set(zoo.MODELS) - {"subclassed"})
pytestmark = pytest.mark.slow


def pruned(model: Any, rounds: int = 2) -> lth.Ticket:
    for _ in range(rounds):
        lth.prune(model)
    return lth.Ticket.of(model, level=rounds)


def masks(model: Any) -> list[np.ndarray]:
    return [weight.read_mask() for weight in Network.of(model).pruned]


def close(model: Any, other: Any, x: np.ndarray) -> bool:
    pair = (np.asarray(each(x, training=False)) for each in (model, other))
    return bool(np.allclose(*pair, rtol=0, atol=1e-5))


@pytest.mark.parametrize("name", GRAPHS)
def test_both_list_the_same_weights(name: str) -> None:
    model, _, _ = zoo.made(name)
    twin = lth.wrap(lth.from_keras3(model), rate=zoo.RATE)
    lth.hold(model, rate=zoo.RATE)
    ours, theirs = Network.of(model).weights, Network.of(twin).weights
    assert [(w.kind, w.name, w.shape, w.is_pruned) for w in ours] == [
        (w.kind, w.name, w.shape, w.is_pruned) for w in theirs
    ]
    for our, their in zip(ours, theirs, strict=True):
        assert np.array_equal(our.read(), their.read())


@pytest.mark.parametrize("name", GRAPHS)
def test_one_of_keras_3_is_applied_to_a_tf_keras_model(name: str) -> None:
    model, x, _ = zoo.made(name)
    twin = lth.wrap(lth.from_keras3(model), rate=zoo.RATE)
    ticket = pruned(lth.hold(model, rate=zoo.RATE))
    for variable in model.weights:
        variable.assign(variable.numpy() * 0.5)
    assert ticket.apply(twin) == []
    lth.verify(twin)
    assert all(map(np.array_equal, masks(twin), masks(model)))
    ticket.apply(model)
    assert close(model, twin, x)


@pytest.mark.parametrize("name", GRAPHS)
def test_one_of_tf_keras_is_applied_to_a_keras_3_model(name: str) -> None:
    model, x, _ = zoo.made(name)
    twin = lth.wrap(lth.from_keras3(model), rate=zoo.RATE)
    ticket = pruned(twin)
    lth.hold(model, rate=zoo.RATE)
    assert ticket.apply(model) == []
    lth.verify(model)
    assert all(map(np.array_equal, masks(model), masks(twin)))
    assert close(model, twin, x)


def test_writing_back_agrees_with_the_ticket() -> None:
    model, x, _ = zoo.made("convolutional")
    other, _, _ = zoo.made("convolutional")
    twin = lth.wrap(lth.from_keras3(model), rate=zoo.RATE)
    ticket = pruned(twin)
    lth.write_to(other, twin)
    ticket.apply(model)
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())


def test_a_new_head_keeps_its_own_weights() -> None:
    source = keras.Sequential(
        [
            keras.layers.Dense(6, "relu", input_shape=(4,), name="body"),
            keras.layers.Dense(3, name="head"),
        ]
    )
    ticket = pruned(lth.wrap(source, rate=0.5), 1)
    keras3 = zoo.keras
    body = keras3.layers.Dense(6, "relu", name="other_body")
    head = keras3.layers.Dense(7, name="other_head")
    model = lth.hold(keras3.Sequential([keras3.Input((4,)), body, head]), rate=0.5)
    assert ticket.transfer(model) == ["other_head/kernel", "other_head/bias"]
    assert np.count_nonzero(body.kernel.numpy()) == 12
    assert np.count_nonzero(head.kernel.numpy()) == 42
