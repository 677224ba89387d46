"""A copy of a wrapped model with newly drawn initial weights."""

from __future__ import annotations

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.reinitialising import reinitialised
from tests.support.masked_models import equal
from tests.support.model_zoo import floats, text

layers = keras.layers


def test_new_initial_weights_follow_the_seed_and_keep_adapted_state():
    inputs = keras.Input((4,))
    normalise = layers.Normalization()
    normalise.adapt(floats(20, 4) + 3)
    seeded = keras.initializers.GlorotUniform(seed=1)
    hidden = layers.Dense(5, kernel_initializer=seeded)(normalise(inputs))
    frozen = layers.Dense(3, trainable=False, name="frozen")
    model = lth.wrap(keras.Model(inputs, layers.Dense(2)(frozen(hidden))), 0.5)
    first, again, other = (reinitialised(model, seed) for seed in (1, 1, 2))
    assert equal(first.weights, again.weights)
    kernels = [m.layers[2].kernel for m in (first, other)]
    assert not equal(*kernels)
    assert not equal(kernels[0], model.layers[2].layer.kernel)
    assert equal(first.layers[1].mean, normalise.mean)
    assert equal(first.get_layer("frozen").kernel, model.get_layer("frozen").kernel)
    assert reinitialised(lth.wrap(text()[0], 0.5), 1)(text()[1]).shape == (2, 3)
