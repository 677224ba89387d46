"""The weights of a model in order, each with its owner and its mask."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import weights
from lth_keras.masking.network import Network
from tests.support.model_zoo import shared_across_models, text

layers = keras.layers


def test_a_shared_layer_owns_its_weights_and_not_a_model_around_it():
    model, _ = shared_across_models()
    assert {w.kind for w in weights.weights_of(lth.wrap(model, 0.5))} == {"Dense"}


def test_a_vocabulary_is_no_weight_of_the_network():
    model, _ = text()
    wrapped = lth.wrap(model, 0.5)
    # The inverse document frequencies of five terms, how many documents, the layer.
    shapes = [w.shape for w in weights.weights_of(wrapped)]
    assert shapes == [(5,), (), (5, 3), (3,)]
    lth.rewind(wrapped, lth.capture(wrapped))
    assert len(lth.coverage(wrapped)) == 4


def test_reading_gives_a_copy_and_writing_sets_the_value():
    model = lth.wrap(keras.Sequential([layers.Dense(2, input_shape=(3,))]), 0.5)
    (kernel,) = Network.of(model).pruned
    kernel.write(np.ones((3, 2), "float32"))
    read = kernel.read()
    read[:] = 5
    assert kernel.read().tolist() == [[1, 1]] * 3
    assert kernel.wrapper is model.layers[0]


def test_writing_a_mask_puts_a_positive_zero_where_it_prunes():
    model = lth.wrap(keras.Sequential([layers.Dense(2, input_shape=(2,))]), 0.5)
    (kernel,) = Network.of(model).pruned
    kernel.write(np.float32([[-1, 2], [-3, np.nan]]))
    kernel.write_mask(np.array([[False, True], [True, False]]))
    assert kernel.read().tolist() == [[0, 2], [-3, 0]]
    assert not np.signbit(kernel.read()[0, 0])
    assert kernel.read_mask().tolist() == [[False, True], [True, False]]
    assert Network.of(model).density == 0.5


def test_a_weight_without_a_mask_keeps_everything():
    model = keras.Sequential([layers.Dense(2, input_shape=(3,))])
    assert all(w.read_mask().all() for w in weights.weights_of(model))


def test_a_model_that_is_not_built_or_not_wrapped_is_refused():
    with pytest.raises(LotteryError, match="has no weights yet: call model.build"):
        weights.weights_of(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(LotteryError, match="holds no weight on a mask: wrap it first"):
        plain = keras.Sequential([layers.Dense(2, input_shape=(3,))])
        Network.of(plain).require_masks()


def test_what_trains_leaves_out_layers_of_a_frozen_model():
    trunk = keras.Sequential([layers.Dense(3, input_shape=(4,))])
    trunk.trainable = False
    trunk.layers[0].trainable = True
    model = keras.Sequential([keras.Input((4,)), trunk, layers.Dense(2)])
    expected = {id(v) for v in model.layers[1].weights}
    assert weights.trainable_in(model) == expected
    assert weights.trainable_in(keras.Sequential([layers.Dense(2)])) == set()
