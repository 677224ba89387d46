"""The network: its order whatever trains, its recipe, its slots, found once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot

import lth_keras as lth
from lth_keras.compat import keras, layers_within
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.pruning.recipe import Recipe
from tests.support import small_search as small

layers = keras.layers


class Block(layers.Layer):
    """Layers inside a layer, whose weights Keras lists by whether they train."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(3, name="first")
        self.second = layers.BatchNormalization(name="second")

    def build(self, shape):
        self.first.build(shape)
        self.second.build(shape)
        super().build(shape)

    def call(self, inputs, training=None):
        return self.second(self.first(inputs), training=training)


def block() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            Block(name="block"),
            layers.Bidirectional(layers.SimpleRNN(3), name="both"),
            layers.Dense(3, name="head"),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.random(w.shape) for w in model.get_weights()])
    return model


def inner(model: keras.Model) -> dict[str, keras.layers.Layer]:
    return {layer.name.split("_simple_rnn")[0]: layer for layer in layers_within(model)}


def paths(model: keras.Model) -> list[str]:
    return [weight.path for weight in Network.of(model).weights]


def values(model: keras.Model) -> list[list[float]]:
    return [weight.read().tolist() for weight in Network.of(model).weights]


@pytest.mark.parametrize(
    "frozen",
    [
        "first",
        "both",
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("block", "forward", "head")
        ),
    ],
)
def test_the_order_does_not_depend_on_what_trains(frozen):
    model = lth.wrap(block(), 0.2)
    before, stored = paths(model), values(model)
    assert before == paths(block())
    keras_order = [id(w) for w in model.weights]
    start = lth.capture(model)
    inner(model)[frozen].trainable = False
    moved = [id(w) for w in model.weights] != keras_order
    assert moved == (frozen in ("first", "forward"))
    assert paths(model) == before
    lth.rewind(model, start)
    assert values(model) == stored


def test_looking_for_the_weights_leaves_what_trains_as_it_is():
    model = block()
    inner(model)["first"].trainable = False
    flags = [layer.trainable for layer in layers_within(model)]
    paths(model)
    assert [layer.trainable for layer in layers_within(model)] == flags


@pytest.mark.slow
def test_a_ticket_fits_whatever_was_frozen_before_or_after(tmp_path):
    model = lth.wrap(block(), 0.5)
    lth.prune(model)
    lth.Ticket.of(model).save(tmp_path / "ticket")
    stored = values(model)
    other = lth.wrap(block(), 0.5)
    inner(other)["forward"].trainable = False
    assert lth.Ticket.load(tmp_path / "ticket").apply(other) == []
    assert values(other) == stored


@pytest.mark.slow
def test_a_list_in_the_order_of_keras_is_told_by_names_or_by_kinds():
    """As tickets and runs have it that were written before there was this order."""
    model = lth.wrap(block(), 0.5)
    inner(model)["first"].trainable = False
    network = Network.of(model)
    older = [network.weights[index] for index in network.keras_order]
    assert [w.path for w in older] != [w.path for w in network.weights]
    places = network.places(older)
    assert [older[index] for index in places] == list(network.weights)
    # Other names, as in another build: then the kinds tell.
    renamed = [dataclasses.replace(w, layer=f"my_{w.layer}") for w in older]
    assert network.places(renamed) == places
    own = [dataclasses.replace(w, layer=f"my_{w.layer}") for w in network.weights]
    assert network.places(own) == list(range(len(own)))


@pytest.mark.slow
def test_a_ticket_of_the_older_order_starts_prunes_and_rewinds_right(tmp_path):
    model = lth.wrap(block(), 0.5, criterion="movement")
    inner(model)["first"].trainable = False
    network = Network.of(model)
    stored = values(model)
    ticket = lth.Ticket.of(network)
    older = dataclasses.replace(
        ticket, weights=tuple(ticket.weights[i] for i in network.keras_order)
    )
    assert [w.path for w in older.ordered(model).weights] == paths(model)
    for weight in network.weights:
        weight.write(weight.read() + 1)
    lth.rewind(model, older.start())
    assert values(model) == stored
    older.apply(model)
    assert values(model) == stored
    again = lth.Ticket.of(network, older.start())
    assert again.fingerprint == ticket.fingerprint


def test_layers_are_matched_by_position_whatever_their_names_say():
    def two(first: str, second: str) -> keras.Model:
        made = [layers.Dense(3, name=first), layers.Dense(3, name=second)]
        return lth.wrap(keras.Sequential([keras.Input((3,)), *made]), 0.5)

    source, target = two("p", "q"), two("q", "p")
    lth.Ticket.of(source).apply(target)
    assert values(target) == values(source)
    lth.rewind(target, lth.Ticket.of(source).start())
    assert values(target) == values(source)


@pytest.mark.slow
def test_the_recipe_has_a_rate_for_each_pruned_weight():
    model = lth.wrap(
        small.dense_model(), {"dense$": 0.4, "dense_1": 0.1}, criterion="movement"
    )
    assert Network.of(model).recipe == Recipe("movement", rates=(0.4, 0.1))
    model = keras.Sequential([keras.Input((5, 2)), layers.LSTM(3), layers.Dense(2)])
    wrapped = Network.of(lth.wrap(model, 0.2, scope="global"))
    assert wrapped.recipe == Recipe(scope="global", rates=(0.2,) * 3)


def test_models_wrapped_in_two_ways_are_refused_together():
    first = lth.wrap(keras.Sequential([layers.Dense(2, input_shape=(3,))]), 0.2)
    second = lth.wrap(
        keras.Sequential([layers.Dense(2, input_shape=(2,))]), 0.2, scope="global"
    )
    both = keras.Sequential([keras.Input((3,)), first, second])
    with pytest.raises(LotteryError, match="pruned in 2 ways"):
        lth.prune(both)


def test_a_model_wrapped_by_stock_tfmot_has_masks_but_no_recipe():
    stock = Network.of(tfmot.sparsity.keras.prune_low_magnitude(small.dense_model()))
    assert len(stock.pruned) == 2
    with pytest.raises(LotteryError, match="stock tfmot"):
        stock.check_levels(1)


def test_a_network_stands_for_its_model_and_takes_another_optimizer():
    model = small.compiled()
    network = Network.of(model)
    assert Network.of(network) is network
    assert Network.of(network, model.optimizer) is network
    own = keras.optimizers.SGD(0.1, momentum=0.9)
    other = Network.of(network, own)
    assert other.optimizer is own and other.weights is network.weights
    start = lth.capture(network)
    lth.prune(network)
    lth.rewind(network, start)
    lth.verify(network)
    assert network.density == Network.of(model).density < 1


def test_the_optimizer_is_the_compiled_one_of_the_moment():
    model = small.compiled()
    network = Network.of(model)
    assert network.optimizer is model.optimizer
    before = len(lth.capture(network).optimizer)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    assert network.optimizer is model.optimizer
    assert len(lth.capture(network).optimizer) > before


def test_the_weights_are_walked_at_most_twice_a_level(tmp_path, monkeypatch):
    from lth_keras.masking import tf_keras_network as module

    walks = []
    walk = module.weights_of
    monkeypatch.setattr(module, "weights_of", lambda m: walks.append(m) or walk(m))

    def counted(levels: int) -> int:
        walks.clear()
        keras.backend.clear_session()
        one = lth.LotterySearch(small.compiled(), levels, str(tmp_path / str(levels)))
        x, y = small.data()
        one.fit(x, y, batch_size=10, verbose=0, validation_data=small.data(30, 1))
        return len(walks)

    assert counted(5) - counted(1) <= 2 * 4
