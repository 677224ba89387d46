"""write_to: what was found, in the Keras 3 model that it began with."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras3
from tests.support.keras3_models import array, chain, close

X = np.random.default_rng(0).normal(size=(32, 6, 6, 1)).astype("float32")
Y = np.random.default_rng(0).integers(0, 3, 32)


def network() -> Any:
    kl = keras3().layers
    inner = chain((4, 4, 4), kl.Conv2D(4, 3, padding="same"), kl.BatchNormalization())
    x = keras3().Input((6, 6, 1))
    y = kl.Conv2D(4, 3, activation="relu", name="first")(x)
    y = kl.Flatten()(kl.Add()([y, inner(y)]))
    return keras3().Model(x, kl.Dense(3, "softmax", name="last")(y))


@pytest.mark.slow
def test_the_zeros_of_a_search_come_back_exactly_and_the_predictions_are_equal(
    tmp_path: pathlib.Path,
) -> None:
    source = network()
    source.compile("adam", "sparse_categorical_crossentropy")
    model = lth.compile_like(lth.wrap(source, rate=0.5), source)
    search = lth.LotterySearch(model, levels=2, directory=str(tmp_path / "run"))
    search.fit(X, Y, epochs=1, verbose=0)
    search.restore(2)
    assert lth.write_to(source, model) is source
    plain = lth.unwrap(model)
    for variable in source.weights:
        value = array(variable)
        layer = variable.path.split("/")[-2]
        if variable.name == "kernel":
            # Of 36, 144 and 192: two rounds of one half, by Python's rounding.
            assert np.count_nonzero(value) == value.size // 4, layer
    np.testing.assert_allclose(
        array(source(X)), plain.predict(X, verbose=0), atol=close()
    )
    source.save(tmp_path / "model.keras")
    again = keras3().saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(source.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_pruned_is_exactly_zero_in_keras_3() -> None:
    kl = keras3().layers
    source = chain((8,), kl.Dense(6, name="first"), kl.Dense(4, name="last"))
    model = lth.wrap(source, rate=0.75)
    lth.prune(model)
    lth.write_to(source, model)
    for layer, wrapped in zip(source.layers, lth.unwrap(model).layers, strict=True):
        kernel = array(layer.kernel)
        np.testing.assert_array_equal(kernel, wrapped.kernel.numpy())
        assert np.count_nonzero(kernel) == kernel.size // 4


def test_a_second_build_of_other_automatic_names_is_found_by_its_order() -> None:
    def build() -> Any:
        kl = keras3().layers
        return chain((4,), chain((4,), kl.Dense(3), kl.Dense(3)), kl.Dense(2))

    first, second = build(), build()
    lth.write_to(second, lth.from_keras3(first))
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_refused_model_leaves_the_weights() -> None:
    kl = keras3().layers
    source = chain((4,), kl.Dense(3, name="first"), kl.Dense(2, name="second"))
    before = source.get_weights()
    other = chain((4,), kl.Dense(3, name="first"))
    wider = chain((4,), kl.Dense(5, name="first"), kl.Dense(2, name="second"))
    bent = chain((4,), kl.Dense(3, "tanh", name="first"), kl.Dense(2, name="second"))
    for made, words in [
        (lth.from_keras3(other), "no layer 'second'"),
        (lth.from_keras3(wider), r"kernel \(4, 3\) in Keras 3 and kernel \(4, 5\)"),
        (lth.from_keras3(bent), "differs in tf_keras by .*: give what"),
    ]:
        with pytest.raises(lth.LotteryError, match=words):
            lth.write_to(source, made)
    for old, new in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_models_are_taken_in_their_order() -> None:
    source = chain((4,), keras3().layers.Dense(3))
    made = lth.from_keras3(source)
    with pytest.raises(lth.LotteryError, match="give a model of Keras 3"):
        lth.write_to(3, made)
    with pytest.raises(lth.LotteryError, match="is a Keras 3 model"):
        lth.write_to(source, source)
    with pytest.raises(lth.LotteryError, match="is a tf_keras model already"):
        lth.write_to(made, source)
