"""Small models whose mean gradients NumPy finds too."""

from __future__ import annotations

import numpy as np

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
Y = RNG.normal(size=(300, 2)).astype("float32")


def linear(**arguments) -> keras.Model:
    model = keras.Sequential(
        [layers.Dense(2, input_shape=(4,), **arguments), layers.Dropout(0.5)]
    )
    wrapped = lth.wrap(model, 0.5)
    wrapped.compile("sgd", "mse", metrics=["mae"])
    return wrapped


def by_hand(model: keras.Model, x=X, y=Y) -> np.ndarray:
    """Of the mean over examples and outputs of (x w - y)^2."""
    kernel = Network.of(model).pruned[0].read().astype(np.float64)
    return 2 * x.T @ (x @ kernel - y) / y.size


def classifying(directory, criterion: str) -> lth.LotterySearch:
    """One round of a linear classifier by |g|."""

    @lth.criteria.register(criterion, needs=("gradients",))
    def slope(initial, trained, rng, gradients):
        return np.abs(gradients)

    net = keras.Sequential([layers.Dense(2, use_bias=False, input_shape=(4,))])
    model = lth.wrap(net, 0.5, criterion=criterion)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return lth.LotterySearch(model, 1, str(directory))
