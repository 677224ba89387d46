"""wrap warns, once and in one line, of much that stays dense without being asked."""

from __future__ import annotations

import warnings

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from tests.support.own_layers import AlsoListed, Scale

layers = keras.layers


class Block(layers.Layer):
    """A kernel of a layer's own that nobody names."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.inner = self.add_weight("inner", (shape[-1], self.units))

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def call(self, inputs):
        return inputs @ self.inner


def told(*hidden: keras.layers.Layer, **arguments) -> list[str]:
    """What wrapping a model with a (100, 100) kernel and `hidden` warns of."""
    model = keras.Sequential(
        [layers.Dense(100, input_shape=(100,), name="known"), *hidden]
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lth.wrap(model, **arguments)
    assert all(entry.filename == __file__ for entry in caught)
    return [str(entry.message) for entry in caught]


def test_layers_with_kernels_that_are_not_known_are_named_with_their_share():
    (message,) = told(Block(100, name="one"), Block(50, name="two"))
    # 100 * 100 and 100 * 50 of 25,000.
    assert message.startswith("60% of the kernel entries stay dense and are not in P_m")
    assert ", in 'one', 'two': lth.coverage(model)" in message and "\n" not in message


def test_of_many_layers_the_three_largest_are_named():
    sizes = {"a": 40, "b": 100, "c": 10, "d": 60}
    (message,) = told(*(Block(units, name=name) for name, units in sizes.items()))
    # 4,000 entries, 4,000, 1,000 and 600.
    assert "'a', 'b', 'c', ...:" in message


def test_a_kernel_that_cannot_be_held_is_warned_of_too():
    (message,) = told(AlsoListed(100, use_bias=False, name="listed"))
    assert message.startswith("50% ") and "'listed'" in message


@pytest.mark.parametrize(("units", "warned"), [(5, False), (6, True)])
def test_up_to_a_twentieth_nothing_is_said(units, warned):
    # 500 of 10,500 entries are 4.8 %, 600 of 10,600 are 5.7 %.
    assert bool(told(Block(units))) is warned


@pytest.mark.parametrize(
    ("hidden", "arguments"),
    [
        (layers.Dense(100, name="left"), {"exclude": "left"}),
        (layers.Dense(100, trainable=False), {}),
        (Block(100, trainable=False), {}),
        (layers.BatchNormalization(), {}),
        (Scale(), {}),
        (layers.PReLU(), {}),
    ],
    ids=["excluded", "frozen", "frozen block", "vectors", "own vector", "slopes"],
)
def test_what_was_asked_for_and_what_is_no_kernel_is_not_warned_of(hidden, arguments):
    assert told(hidden, **arguments) == []


def test_embeddings_are_left_dense_unless_asked_for_and_not_warned_of():
    model = keras.Sequential(
        [layers.Embedding(1000, 8, input_length=4), layers.Flatten(), layers.Dense(2)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lth.wrap(model)


def test_a_model_without_weights_yet_is_wrapped_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lth.wrap(keras.Sequential([layers.Dense(3), Block(100)]))
