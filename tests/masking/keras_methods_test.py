"""summary, count_params and load_weights of a wrapped model; of others, as always."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError

layers = keras.layers


def build(units: int = 16, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4, 6))
    hidden = layers.TimeDistributed(layers.Dense(units, name="in"), name="each")(inputs)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    inner = keras.Sequential(
        [layers.Dense(4, input_shape=(4, units), name="deep")], "inner"
    )
    return keras.Model(inputs, layers.Dense(3, name="out")(inner(hidden)))


def lines_of(model: keras.Model, **arguments) -> list[str]:
    found: list[str] = []
    model.summary(print_fn=lambda line, *_: found.append(line), **arguments)
    return found


def test_a_wrapped_model_counts_the_parameters_of_the_network():
    plain = build()
    wrapped = lth.wrap(plain)
    assert wrapped.count_params() == plain.count_params()
    totals = [
        [line for line in lines_of(model) if "params" in line]
        for model in (plain, wrapped)
    ]
    assert totals[0] == totals[1] and len(totals[0]) == 3
    for name in ("each", "norm", "out", "inner"):
        ours, theirs = (m.get_layer(name).count_params() for m in (wrapped, plain))
        assert ours == theirs, name
    nested = lines_of(wrapped, expand_nested=True)
    assert [line for line in nested if "params" in line] == totals[0]


def test_counting_leaves_the_masks_among_the_weights():
    wrapped = lth.wrap(build())
    before = [id(w) for w in wrapped.weights]
    wrapped.count_params()
    lines_of(wrapped)
    assert [id(w) for w in wrapped.weights] == before
    assert any("mask" in w.name for w in wrapped.weights)


def test_the_methods_keep_their_signatures_and_serve_other_models_as_before(tmp_path):
    for name in ("summary", "count_params", "load_weights"):
        method = getattr(keras.Model, name)
        assert method.__name__ == name and method.__doc__
        assert "self" in inspect.signature(method).parameters
    plain, other = build(seed=1), build(seed=2)
    plain.save_weights(tmp_path / "plain.weights.h5")
    other.load_weights(tmp_path / "plain.weights.h5")
    for a, b in zip(plain.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


SLOW = ("plain.keras", "saved", "all.h5")
FILES = [
    *("plain.weights.h5", "plain.h5", "checkpoint"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
]


def written(model: keras.Model, folder, name: str) -> str:
    path = str(folder / name)
    if name in SLOW:
        model.save(path)
    else:
        model.save_weights(path)
    return path


@pytest.mark.parametrize("name", FILES)
def test_weights_of_a_plain_model_are_loaded_and_stay_on_the_masks(name, tmp_path):
    source = build(seed=1)
    for weight in source.weights:
        weight.assign_add(tf.ones_like(weight))
    path = written(source, tmp_path, name)
    wrapped = lth.wrap(build(seed=2))
    lth.prune(wrapped)
    masks = [w.mask for w in lth.Ticket.of(wrapped).weights]
    wrapped.load_weights(path)
    lth.verify(wrapped)
    found = [w.value for w in lth.Ticket.of(wrapped).weights]
    dense = [w.value for w in lth.Ticket.of(lth.wrap(source)).weights]
    assert any(mask is not None and not mask.all() for mask in masks)
    for value, mask, wanted in zip(found, masks, dense, strict=True):
        np.testing.assert_array_equal(
            value, np.where(mask, wanted, 0) if mask is not None else wanted
        )


@pytest.mark.parametrize(
    "name",
    [
        "plain.h5",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("plain.weights.h5", "checkpoint", *SLOW)
        ),
    ],
)
def test_weights_of_a_wrapped_model_are_loaded_with_their_masks(name, tmp_path):
    source = lth.wrap(build(seed=1))
    lth.prune(source)
    path = written(source, tmp_path, name)
    wrapped = lth.wrap(build(seed=2))
    wrapped.load_weights(path)
    for ours, theirs in zip(wrapped.weights, source.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_by_name_and_skip_mismatch_do_what_they_do_for_a_plain_model(tmp_path):
    source = build(units=7, seed=1)
    path = written(source, tmp_path, "plain.h5")
    plain = build(seed=2)
    wrapped = lth.wrap(plain)
    plain.load_weights(path, by_name=True, skip_mismatch=True)
    wrapped.load_weights(path, by_name=True, skip_mismatch=True)
    loaded = lth.unwrap(wrapped).get_weights()
    for a, b in zip(loaded, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        wrapped.get_layer("out").layer.kernel.numpy(),
        source.get_layer("out").kernel.numpy(),
    )


@pytest.mark.slow
def test_what_does_not_fit_is_refused_as_for_a_plain_model(tmp_path):
    path = written(build(units=7), tmp_path, "plain.h5")
    wrapped = lth.wrap(build())
    before = [w.numpy() for w in wrapped.weights]
    with pytest.raises(ValueError, match="shape"):
        wrapped.load_weights(path)
    with pytest.raises((OSError, tf.errors.NotFoundError)):
        wrapped.load_weights(str(tmp_path / "nothing.h5"))
    for weight, value in zip(wrapped.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


@pytest.mark.slow
def test_a_subclassed_model_around_a_wrapped_one_is_refused_in_one_line(tmp_path):
    class Outer(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

    plain, wrapped = Outer(build()), Outer(lth.wrap(build()))
    for model in (plain, wrapped):
        model.build((None, 4, 6))
    path = written(plain, tmp_path, "checkpoint")
    with pytest.raises(LotteryError, match="load it before lth.wrap") as error:
        wrapped.load_weights(path)
    assert "\n" not in str(error.value)


def test_a_checkpoint_object_of_a_plain_model_restores_the_layers_inside(tmp_path):
    def dense(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        return keras.Sequential(
            [layers.Dense(4, input_shape=(3,)), layers.BatchNormalization()]
        )

    source, wrapped = dense(1), lth.wrap(dense(2))
    path = tf.train.Checkpoint(model=source).write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=wrapped).read(path).expect_partial()
    for a, b in zip(
        lth.unwrap(wrapped).get_weights(), source.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
