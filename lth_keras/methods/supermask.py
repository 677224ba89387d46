"""Supermask: a mask of zeros and ones, learned by chance (1905.01067).

method = lth.methods.Supermask(model, weights="signed_constant")
method.model.compile(keras.optimizers.SGD(100.0, momentum=0.9), ...)
method.model.fit(x, y, epochs=10)
ticket = method.ticket()
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lth_keras.compat import keras
from lth_keras.masking.scores import Bernoulli
from lth_keras.methods import fixed_weights
from lth_keras.methods.learned import LearnedMask
from lth_keras.methods.registry import register


@register("supermask")
class Supermask(LearnedMask):
    """Learns with what chance each weight is kept, and leaves the weights as they are.

    In training each call keeps a weight with probability sigmoid(score), and the
    gradient goes straight through to the score (1905.01067, section 5.2). The paper
    trains the scores by SGD at a rate of 100: they are per weight, and many.

    Args:
        model: a built tf_keras model, as of `lth.wrap`; it stays untouched.
        weights: "init" takes the model's own; "signed_constant" the standard deviation
            of each tensor with the sign of the model's own; "kaiming" draws them anew.
        rescale: whether what is kept is multiplied by (weights / kept weights) of its
            tensor in each call, the paper's dynamic weight rescaling.
        evaluate: what counts outside of training: "threshold" keeps the weights of
            chance above a half, as the ticket does; "expectation" multiplies by the
            chance; "sample" draws.
        seed: of draws and drawn weights.
        exclude: regular expressions on names of layers of which all weights are used.
        train_normalization: whether scales and offsets of normalisations train.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    def __init__(
        self,
        model: keras.Model,
        weights: str = "init",
        rescale: bool = True,
        *,
        evaluate: str = "threshold",
        seed: int = 0,
        exclude: str | Iterable[str] = "",
        train_normalization: bool = False,
    ):
        reading = Bernoulli(rescale, evaluate, seed)
        self.rescale, self.evaluate = reading.rescale, reading.evaluate
        super().__init__(model, reading, weights, seed, exclude, train_normalization)

    def fixed(self, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.weights == "init":
            return value
        if self.weights == "kaiming":
            return fixed_weights.kaiming(value.shape, rng).astype(value.dtype)
        return fixed_weights.signed(value, float(np.std(value, dtype=np.float64)))
