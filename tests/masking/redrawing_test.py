"""What is drawn again of a model of a class of the caller's, and what stays."""

from __future__ import annotations

import numpy as np

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.masking.redrawing import redrawn

layers = keras.layers


class Scaled(keras.Model):
    """Normalises its inputs by statistics of data."""

    def __init__(self):
        super().__init__()
        self.scale, self.head = layers.Normalization(), layers.Dense(2)

    def call(self, inputs):
        return self.head(self.scale(inputs))


def built() -> keras.Model:
    model = Scaled()
    model(np.zeros((2, 3), np.float32))
    return model


def test_what_was_adapted_to_data_stays_where_a_new_model_is_built():
    model = built()
    model.scale.adapt(np.arange(12.0).reshape(4, 3))
    lth.hold(model, 0.5, build=built)
    found = redrawn(model, seed=3)
    for weight, value in zip(Network.of(model).weights, found, strict=True):
        assert (value is None) is (weight.layer != model.head.name)
        if weight.name == "kernel":
            assert value is not None and not np.array_equal(value, weight.read())
