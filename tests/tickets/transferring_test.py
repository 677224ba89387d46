"""A ticket on a new model: other data, another head, another optimizer."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from tests.support import small_search as small

layers = keras.layers


def network(classes: int, seed: int, hidden: int = 8) -> keras.Model:
    """`small.dense_model` with a head of its own size."""
    with compat.seeded(seed):
        model = keras.Sequential(
            [
                layers.Dense(
                    hidden, "relu", input_shape=(6,), bias_initializer="random_normal"
                ),
                layers.BatchNormalization(),
                layers.Dense(classes, bias_initializer="random_normal"),
            ]
        )
    return lth.wrap(model, 0.4)


@functools.cache
def found() -> lth.Ticket:
    model = network(3, seed=1)
    lth.prune(model)
    lth.prune(model)
    return lth.Ticket.of(model, level=2)


@pytest.mark.parametrize("keep", ["ticket", "mask"])
def test_layers_before_a_new_head_are_the_tickets_and_the_head_is_the_models(keep):
    ticket, model = found(), network(5, seed=2)
    own = small.values(model)
    head = [len(own) - 2, len(own) - 1]
    skipped = ticket.transfer(model, keep=keep)
    assert skipped == [
        model.layers[-1].layer.name + "/" + n for n in ("kernel", "bias")
    ]
    given = own if keep == "mask" else [w.value for w in ticket.weights]
    for i, weight in enumerate(ticket.weights):
        value, mask = small.values(model)[i], small.masks(model)[i]
        if i in head:
            assert small.same_bits([value], [own[i]]) and mask.all()
        elif weight.mask is None:
            assert small.same_bits([value], [given[i]])
        else:
            assert np.array_equal(mask, weight.mask) and not mask.all()
            assert small.same_bits([value], [small.masked(given[i], weight.mask)])
    model.compile("adam", "sparse_categorical_crossentropy")
    lth.verify(model)


def test_the_head_of_the_ticket_is_taken_on_request():
    ticket, model = found(), network(3, seed=2)
    assert ticket.transfer(model, head="ticket") == []
    assert lth.Ticket.of(model).fingerprint == ticket.fingerprint
    other = network(3, seed=2)
    bias = small.values(other)[-1]
    assert len(ticket.transfer(other)) == 2
    assert small.same_bits(small.values(other)[-1:], [bias])


def test_a_head_of_more_layers_is_one_of_its_last_layer_alone():
    with compat.seeded(4):
        inputs = keras.Input((6,))
        hidden = layers.BatchNormalization()(layers.Dense(8, "relu")(inputs))
        ends = [layers.Dense(n, name=f"end{n}")(hidden) for n in (2, 4)]
        model = lth.wrap(keras.Model(inputs, ends), 0.4)
    skipped = found().transfer(model)
    assert skipped == [f"end{n}/{name}" for n in (2, 4) for name in ("kernel", "bias")]
    assert np.array_equal(small.masks(model)[0], found().weights[0].mask)


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (
            lambda: network(3, 2, hidden=7),
            {},
            r"dense\w*/kernel, a Dense's of shape .6, 7",
        ),
        (lambda: network(5, 2), {"head": "ticket"}, "head=new leaves the output"),
        (lambda: network(3, 2), {"head": "old"}, "head='old' is not known: use 'new'"),
        (lambda: network(3, 2), {"keep": "all"}, "keep='all' is not known: use 'tick"),
        (lambda: small.dense_model(), {}, "holds no weight on a mask: wrap it first"),
        (
            lambda: lth.wrap(small.dense_model(), {"dense_1$": 0.5}, exclude="dense$"),
            {"head": "ticket"},
            "is on no mask: wrap the model",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(model, given, said):
    keras.backend.reset_uids()
    one = model()
    before = small.values(one)
    with pytest.raises(LotteryError, match=said) as caught:
        found().transfer(one, **given)
    assert "\n" not in str(caught.value)
    assert small.same_bits(small.values(one), before)


def test_a_model_that_is_pruned_already_gets_no_other_ticket():
    model = network(3, 2)
    found().transfer(model)
    with pytest.raises(LotteryError, match="a density of .* already.*wrap the model"):
        found().transfer(model)


def test_the_state_of_a_new_optimizer_stays_its_own():
    """Adam's, where the ticket was found with momentum."""
    first = network(3, 1)
    first.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    ticket = lth.Ticket.of(first, lth.capture(first, step=5))
    model = network(3, 2)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    before = lth.capture(model).optimizer
    ticket.transfer(model, head="ticket")
    after = lth.capture(model).optimizer
    assert {k: small.bits(v) for k, v in after.items()} == {
        k: small.bits(v) for k, v in before.items()
    }
