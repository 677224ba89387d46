"""A normalisation behind a sum loses the filters that all of the sum have lost."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking import channels, feeds
from lth_keras.masking.network import Network

layers = keras.layers
RNG = np.random.default_rng(3)


def preactivated() -> keras.Model:
    """A residual network that normalises behind its sums (1603.05027)."""
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    for block in (1, 2):
        y = layers.ReLU()(layers.BatchNormalization(name=f"n{block}_1")(x))
        y = layers.Conv2D(4, 3, padding="same", name=f"c{block}_1")(y)
        y = layers.ReLU()(layers.BatchNormalization(name=f"n{block}_2")(y))
        y = layers.Conv2D(4, 3, padding="same", name=f"c{block}_2")(y)
        x = layers.Add()([x, y])
    x = layers.ReLU()(layers.BatchNormalization(name="last")(x))
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.Flatten()(x)))
    values = [RNG.normal(size=w.shape).astype(np.float32) for w in model.get_weights()]
    model.set_weights([np.abs(v) + 0.1 if v.ndim == 1 else v for v in values])
    return model


def wrapped(where: str) -> keras.Model:
    return lth.wrap(
        preactivated(), 0.5, exclude="out", granularity="filter", where=where
    )


def kept(model: keras.Model) -> dict[str, np.ndarray]:
    """Which filters, and which entries of scales, each layer has left."""
    return {
        weight.layer: weight.read_mask().reshape(-1, weight.shape[-1]).any(axis=0)
        for weight in Network.of(model).held
        if weight.name in ("kernel", "gamma")
    }


def test_whose_channels_a_normalisation_has():
    model = preactivated()
    found = channels.of(feeds.parts(model)).normalised
    names = {
        layer.name: [source.name for source in found[id(layer)]]
        for layer in model.layers
        if id(layer) in found
    }
    assert names == {
        "n1_1": ["stem"],
        "n1_2": ["c1_1"],
        "n2_1": ["stem", "c1_2"],
        "n2_2": ["c2_1"],
        "last": ["stem", "c1_2", "c2_2"],
    }


def test_it_loses_what_all_of_the_sum_have_lost():
    model = wrapped("each")
    lth.prune(model)
    left = kept(model)
    assert np.array_equal(left["n1_1"], left["stem"])
    assert np.array_equal(left["n2_1"], left["stem"] | left["c1_2"])
    assert np.array_equal(left["last"], left["n2_1"] | left["c2_2"])
    lth.verify(model)


def test_lost_together_they_are_taken_out_whole():
    model = wrapped("together")
    lth.prune(model)
    left = kept(model)
    assert left["last"].sum() == left["n2_1"].sum() == left["stem"].sum() == 2
    plain, small = lth.unwrap(model), lth.compact(model)
    sizes = {
        layer.name: layer.weights[0].shape[-1]
        for layer in small.layers[1:]
        if layer.weights
    }
    assert sizes.pop("out") == 2 and set(sizes.values()) == {2}
    x = RNG.normal(size=(3, 6, 6, 2)).astype(np.float32)
    expected = plain(x).numpy()
    assert np.abs(small(x).numpy() - expected).max() < 1e-6 * np.abs(expected).max()


def test_a_sum_with_what_cannot_be_pruned_keeps_its_normalisation_whole():
    inputs = keras.Input((6,))
    x = layers.Add()([layers.Dense(6, name="a")(inputs), inputs])
    x = layers.BatchNormalization(name="n")(x)
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    model = lth.wrap(model, 0.5, granularity="filter")
    assert {weight.layer for weight in Network.of(model).held} == {"a"}


@pytest.mark.slow
def test_a_file_says_what_it_goes_with(tmp_path):
    model = wrapped("together")
    lth.prune(model)
    model.compile("sgd", "mse")
    model.fit(RNG.normal(size=(8, 6, 6, 2)), np.zeros((8, 2)), verbose=0)
    lth.verify(model)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    lth.prune(again)
    left = kept(again)
    assert np.array_equal(left["last"], left["stem"]) and left["last"].sum() == 1
    lth.Ticket.of(model).save(tmp_path / "ticket")
    other = wrapped("together")
    lth.Ticket.load(tmp_path / "ticket").apply(other)
    assert np.array_equal(kept(other)["last"], kept(model)["last"])
    lth.verify(other)
