"""Filters of tf_keras models held in place are those of the same models wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network

L = keras.layers
GIVEN = {"rate": 0.4, "granularity": "filter"}
RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(32, 6, 6, 2)).astype("float32"), RNG.integers(0, 3, 32)


def residual() -> keras.Model:
    """A sum, a normalisation behind it, a separable layer, a model in the model."""
    keras.utils.set_random_seed(4)
    inputs, entry = keras.Input((6, 6, 2)), keras.Input((6, 6, 4))
    inside = L.Conv2D(4, 1, name="inside")(entry)
    inner = keras.Model(entry, L.BatchNormalization(name="inner_norm")(inside))
    stem = L.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = inner(L.ReLU()(L.BatchNormalization(name="stem_norm")(stem)))
    x = L.SeparableConv2D(6, 3, padding="same", name="separable")(x)
    x = L.Conv2D(4, 3, padding="same", name="back")(x)
    x = L.ReLU()(L.BatchNormalization(name="sum_norm")(L.Add()([x, stem])))
    x = L.Dense(5, "relu", name="hidden")(L.Flatten()(x))
    return keras.Model(inputs, L.Dense(3, name="out")(x))


def trained(model: keras.Model, rounds: int = 2) -> keras.Model:
    """The model after rounds of pruning and rewinding, and trained then."""
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", run_eagerly=True
    )
    start = lth.capture(model)
    for _ in range(rounds):
        model.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
        lth.prune(model)
        lth.rewind(model, start)
    model.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
    lth.verify(model)
    return model


def masks(model: keras.Model) -> dict[str, Any]:
    return {weight.path: weight.read_mask() for weight in Network.of(model).held}


@pytest.mark.parametrize("where", ["each", "together", "first"])
def test_levels_are_bit_for_bit_those_of_the_wrapped_model(where: str) -> None:
    held = trained(lth.hold(residual(), **GIVEN, where=where))
    wrapped = trained(lth.wrap(residual(), **GIVEN, where=where))
    ours, theirs = masks(held), masks(wrapped)
    assert set(ours) == set(theirs) and "inner_norm/gamma" in ours
    assert ("stem/kernel" in ours) is (where != "first")
    for path, mask in ours.items():
        assert np.array_equal(mask, theirs[path])
    for one, other in zip(
        Network.of(held).weights, Network.of(wrapped).weights, strict=True
    ):
        assert np.array_equal(one.read(), other.read()), one.path
    tables = [lth.coverage(each, print_fn=None) for each in (held, wrapped)]
    rows = [[(r.weight, r.pruned, r.density, r.reason) for r in t] for t in tables]
    assert rows[0] == rows[1]
    assert tables[0].effective_density == tables[1].effective_density
    ticket = lth.Ticket.of(held)
    fresh = lth.hold(residual(), **GIVEN, where=where)
    assert ticket.apply(fresh) == []
    assert all(np.array_equal(mask, ours[path]) for path, mask in masks(fresh).items())
    expected = held.predict(X, verbose=0)
    lth.release(held)
    assert not masks(held) and not hasattr(held.get_layer("stem"), "lth_masks")
    assert np.array_equal(held.predict(X, verbose=0), expected)


def test_scales_rank_filters_and_stay_on_their_masks() -> None:
    model = keras.Sequential(
        [
            L.Conv2D(6, 3, use_bias=False, input_shape=(6, 6, 2), name="conv"),
            L.BatchNormalization(name="norm"),
            L.GlobalAveragePooling2D(),
            L.Dense(3, name="out"),
        ]
    )
    scales = np.array([0.3, 0.1, 0.9, 0.2, 0.8, 0.7], "float32")
    model.get_layer("norm").gamma.assign(scales)
    lth.hold(model, 0.5, granularity="filter:scale")
    assert lth.prune(model) == 0.5
    kept = [False, False, True, False, True, True]
    assert masks(model)["norm/beta"].tolist() == kept
    assert masks(model)["conv/kernel"].all(axis=(0, 1, 2)).tolist() == kept
    assert (model.get_layer("norm").gamma.numpy() != 0).tolist() == kept


def test_what_is_no_graph_or_has_no_scales_is_refused_and_left_as_it_was() -> None:
    class Called(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.first, self.out = L.Dense(4), L.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(self.first(x))

    model = Called()
    model(np.ones((1, 3), "float32"))
    with pytest.raises(lth.LotteryError, match="Called is no graph of layers"):
        lth.hold(model, granularity="filter")
    plain = residual()
    with pytest.raises(lth.LotteryError, match="no BatchNormalization with a scale"):
        lth.hold(plain, granularity="filter:scale")
    lth.hold(plain, granularity="row")
    lth.release(plain)
