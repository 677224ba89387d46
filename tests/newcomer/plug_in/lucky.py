"""A method: one random mask is trained, and then another from where that ended."""

from __future__ import annotations

import numpy as np

from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.methods.method import Method, Phase
from lth_keras.methods.registry import register


@register("lucky")
class Lucky(Method):
    """A random mask, trained, and another one trained from where it ended.

    Args:
        model: a tf_keras model.
        share: what each mask keeps of a tensor.
    """

    plan = (Phase("first"), Phase("second"))

    def __init__(self, model, share: float = 0.5):
        self.share = share
        self.model = wrap(model)

    def begin(self, index: int, network: Network) -> None:
        rng = np.random.default_rng(index)
        for weight in network.pruned:
            size = int(np.prod(weight.shape))
            chosen = rng.permutation(size) < round(self.share * size)
            weight.write_mask(chosen.reshape(weight.shape))
