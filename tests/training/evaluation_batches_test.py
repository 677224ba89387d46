"""In what batches arrays are evaluated: by their bytes, or as the model asks."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import evaluation_batches
from lth_keras.training.evaluation_batches import BatchRule
from tests.support import small_search as small

layers = keras.layers
CAP = 128 * 2**20  # bytes, as documented


def images(side: int, channels: int = 24) -> keras.Model:
    convolution = layers.Conv2D(channels, 3, padding="same", activation="relu")
    last = layers.Conv2D(1, 1)
    return keras.Sequential([keras.Input((side, side, 3)), convolution, last])


def data(count: int, *shape: int) -> tuple:
    """Zeros that take up no memory, whatever their shape."""
    one = np.zeros(1, np.float32)
    return np.broadcast_to(one, (count, *shape)), np.zeros(count, np.float32)


def size(model: keras.Model, arrays: tuple, *arguments) -> int:
    return BatchRule(model, *arguments).size(arrays)


def test_small_networks_are_evaluated_a_thousand_examples_at_a_time() -> None:
    """As always: other batches would change the last bits of a loss."""
    lenet = keras.Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Dense(300, "relu"),
            layers.Dense(100, "relu"),
            layers.Dense(10),
        ]
    )
    assert size(lenet, data(5000, 28, 28), 60) == 1000
    assert size(lenet, data(5000, 28, 28), 4000) == 1000
    assert size(small.dense_model(), data(45, 6)) >= 45


@pytest.mark.parametrize("side", [96, 224])
def test_activations_of_a_large_network_stay_below_the_cap(side: int) -> None:
    """A convolution and its ReLU are alive together: 8 bytes a pixel and channel."""
    pair = 2 * 4 * side * side * 24
    found = size(images(side), data(400, side, side, 3), 2)
    assert CAP / 3 < found * pair <= CAP
    assert 2 < found < 100


def test_batches_are_never_smaller_than_those_of_training() -> None:
    assert size(images(224), data(400, 224, 224, 3), 64) == 64
    assert size(images(512), data(400, 512, 512, 3)) == 32


def test_attention_counts_though_its_inputs_are_small() -> None:
    inputs = keras.Input((512, 8))
    outputs = layers.MultiHeadAttention(8, 8)(inputs, inputs)
    found = size(keras.Model(inputs, outputs), data(400, 512, 8), 2)
    assert 2 <= found * 8 * 512 * 512 * 4 <= CAP


def test_a_validation_batch_size_is_taken_as_it_is() -> None:
    assert size(small.dense_model(), data(5000, 6), 60, 7) == 7


def test_ragged_examples_and_untraceable_models_keep_the_training_batch() -> None:
    ragged = tf.RaggedTensor.from_uniform_row_length(tf.zeros(300), 3)
    assert size(small.dense_model(), (ragged, np.zeros(100)), 20) == 20

    class Eager(layers.Layer):
        def call(self, inputs):
            return tf.constant(inputs.numpy())

    own = keras.Sequential([Eager(dynamic=True)])
    own(np.zeros((1, 6), np.float32))
    assert size(own, data(100, 6), 20) == 20


def test_a_fixed_batch_size_is_kept_and_must_divide_the_examples() -> None:
    model = keras.Sequential([keras.Input((6,), batch_size=8), layers.Dense(3)])
    assert size(model, data(64, 6)) == 8
    assert size(model, data(64, 6), 8, 8) == 8
    with pytest.raises(LotteryError, match="60 examples .* batches of 8.*give 56"):
        size(model, data(60, 6))
    with pytest.raises(LotteryError, match="batch size of 5 .*pass batch_size=8"):
        size(model, data(64, 6), 8, 5)


def test_a_shape_that_was_only_seen_fixes_nothing() -> None:
    model = keras.Sequential([layers.Dense(3)])
    model(np.zeros((4, 6), np.float32))
    assert BatchRule(model).fixed is None
    assert size(model, data(2000, 6)) == 1000


def test_measuring_draws_no_random_numbers() -> None:
    model = small.dense_model()
    model.add(layers.Lambda(lambda x: x + np.random.rand() + random.random()))
    states = np.random.get_state()[1].copy(), random.getstate()
    assert size(model, data(5000, 6)) == 1000
    assert np.array_equal(np.random.get_state()[1], states[0])
    assert random.getstate() == states[1]


def test_arrays_are_cut_without_a_rest_left_out() -> None:
    arrays = (tf.range(7), {"a": tf.range(10, 17)})
    found = evaluation_batches.cut(arrays, 3)
    assert [x.numpy().tolist() for x, _ in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert found[2][1]["a"].numpy().tolist() == [16]
