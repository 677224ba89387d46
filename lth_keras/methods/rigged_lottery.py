"""RigL: a sparse network that grows where the gradient is largest (1911.11134).

method = lth.methods.RigL(model, density=0.2, every=100, end=7500)
method.model.compile(...)
method.model.fit(x, y, epochs=10, callbacks=method.callbacks(data=(x, y)))
ticket = method.ticket()
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from lth_keras.arguments import count
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import gradient_data
from lth_keras.masking.dense_gradients import DenseGradients
from lth_keras.masking.network import Network
from lth_keras.methods.evolving import Arrays, Evolution, Evolving
from lth_keras.methods.registry import register


@register("rigl")
class RigL(Evolving):
    """One phase on a mask of constant density that grows by the gradient.

    Training begins on a random mask. Every so many steps a share of the kept weights,
    those of smallest magnitude, is pruned, and as many are released at zero where the
    loss has the largest gradient; what was just pruned may stay, and keeps its value
    then. Each tensor has the same density, and the share falls along half a cosine,
    drop / 2 * (1 + cos(pi step / end)) (1911.11134, section 3).

    A callback sees no data, so that it is given some, and each change reads the next
    batch of these. The gradient is that of evaluation: no dropout, moving statistics.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        density: share of each tensor's weights that is kept, below 1.
        drop: share of the kept weights that change places at first, in (0, 1).
        every: training steps between two changes.
        end: training step from which on the mask stays (the paper: three quarters of
            the training); 0 for never, and the same share all along.
        seed: of the first mask.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    reads_data = True

    def __init__(
        self,
        model: keras.Model,
        density: float = 0.2,
        drop: float = 0.3,
        every: int = 100,
        end: int = 0,
        *,
        seed: int = 0,
    ):
        super().__init__(model, density, drop, every, seed=seed)
        self.end = count("end", end, 0, "a training step, or 0 for no end")

    def dropped_at(self, step: int) -> float:
        """The share of the kept weights that change places after a step; 0 for none."""
        if not self.end:
            return self.drop
        if step >= self.end:
            return 0.0
        return self.drop / 2 * (1 + math.cos(math.pi * step / self.end))

    def callbacks(
        self, index: int = 0, seed: int = 0, data: Any = None
    ) -> list[keras.callbacks.Callback]:
        """What `fit` is given; the same object for several fits that follow.

        Args:
            index: of the phase, of which there is one.
            seed: of the first mask, beside the method's own.
            data: what gradients are of, as in `lth.prune`: (x, y), batches that can
                begin again, or a function that returns such.

        Raises:
            LotteryError: there are no data.
        """
        if data is None:
            raise LotteryError(
                "RigL reads gradients: pass the data that they are of, "
                "method.callbacks(data=(x, y))."
            )
        rng = np.random.default_rng([self.seed, seed])
        return [Evolution(self, rng, _ByGradient(data))]


class _ByGradient:
    """Scores by the gradient on one batch after another."""

    def __init__(self, data: Any):
        self._batches = _endless(data)
        self._gradients: DenseGradients | None = None

    def __call__(
        self, network: Network, masks: Arrays, kept: Arrays
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        # One trace serves all changes.
        self._gradients = self._gradients or DenseGradients(network)
        found = self._gradients([next(self._batches)])
        return [(np.abs(g), ~mask) for g, mask in zip(found, kept, strict=True)]


def _endless(data: Any) -> Iterator[Any]:
    """The batches of some data, again and again."""
    while True:
        nothing = True
        for batch in gradient_data.batches(data() if callable(data) else data):
            nothing = False
            yield batch
        if nothing:
            raise LotteryError(
                "data= has no batch left: pass (x, y) or a Dataset that can begin "
                "again."
            )
