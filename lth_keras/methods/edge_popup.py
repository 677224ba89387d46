"""EdgePopup: what's hidden in a randomly weighted network (1911.13299).

method = lth.methods.EdgePopup(model, keep=0.5, weights="signed_constant")
method.model.compile(keras.optimizers.SGD(0.1, momentum=0.9), ...)
method.model.fit(x, y, epochs=10)
ticket = method.ticket()
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lth_keras.compat import keras
from lth_keras.masking.scores import TopShare
from lth_keras.methods import fixed_weights
from lth_keras.methods.learned import LearnedMask
from lth_keras.methods.registry import register


@register("edge_popup")
class EdgePopup(LearnedMask):
    """Learns which share of the weights to keep, and leaves the weights as they are.

    Each weight has a score; the forward pass uses the share of largest |score| of each
    layer, and the gradient goes straight through to all scores (1911.13299, section
    3.2). `method.model` is trained by `fit` with any optimizer; a regulariser of a
    layer's kernel acts on its scores, as the paper's weight decay does.

    Args:
        model: a built tf_keras model, as of `lth.wrap`; it stays untouched.
        keep: share of each layer's weights that is used, in (0, 1].
        weights: "kaiming" draws them anew, normal of deviation sqrt(2 / fan_in);
            "signed_constant" takes that deviation with the sign of the model's own;
            both divided by sqrt(keep) (section 4.3). "init" takes the model's own.
        seed: of scores and drawn weights.
        exclude: regular expressions on names of layers of which all weights are used.
        train_normalization: whether scales and offsets of normalisations train; in the
            paper there are none.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    def __init__(
        self,
        model: keras.Model,
        keep: float = 0.5,
        weights: str = "kaiming",
        *,
        seed: int = 0,
        exclude: str | Iterable[str] = "",
        train_normalization: bool = False,
    ):
        reading = TopShare(keep)
        self.keep = reading.keep
        super().__init__(model, reading, weights, seed, exclude, train_normalization)

    def fixed(self, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.weights == "init":
            return value
        scale = 1 / np.sqrt(self.keep)
        if self.weights == "kaiming":
            drawn = fixed_weights.kaiming(value.shape, rng) * np.float32(scale)
            return drawn.astype(value.dtype)
        deviation = np.sqrt(2 / fixed_weights.fan_in(value.shape))
        return fixed_weights.signed(value, scale * deviation)
