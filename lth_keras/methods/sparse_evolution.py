"""SparseEvolution: a sparse network whose mask moves while it trains (SET, 1707.04780).

method = lth.methods.SparseEvolution(model, density=0.2, every=100)
method.model.compile(...)
method.model.fit(x, y, epochs=10, callbacks=method.callbacks())
ticket = method.ticket()
"""

from __future__ import annotations

import numpy as np

from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.methods.evolving import Arrays, Evolution, Evolving
from lth_keras.methods.registry import register


@register("set")
class SparseEvolution(Evolving):
    """One phase on a mask of constant density, whose smallest weights change places.

    Training begins on a random mask. Every so many steps a share of the kept weights,
    those of smallest magnitude, is pruned, and as many others are released at zero,
    drawn from all that were pruned (1707.04780, algorithm 1; here each tensor has the
    same density). `fit` needs `callbacks()`, by which that is carried out. The ticket
    is the last mask with the trained weights.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        density: share of each tensor's weights that is kept, below 1.
        drop: share of the kept weights that change places at a time, in (0, 1).
        every: training steps between two of these.
        seed: of the first mask, and of what is released.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    def callbacks(
        self, index: int = 0, seed: int = 0
    ) -> list[keras.callbacks.Callback]:
        """What `fit` is given; the same object for several fits that follow."""
        rng = np.random.default_rng([self.seed, seed])

        def drawn(
            network: Network, masks: Arrays, kept: Arrays
        ) -> list[tuple[np.ndarray, np.ndarray]]:
            return [(rng.random(mask.shape), ~mask) for mask in masks]

        return [Evolution(self, rng, drawn)]
