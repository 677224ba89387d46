"""Gradual: a network that grows sparser while it trains (1710.01878).

method = lth.methods.Gradual(model, density=0.07, end=7500)
method.model.compile(...)
method.model.fit(x, y, epochs=10, callbacks=method.callbacks())
ticket = method.ticket()
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from lth_keras.arguments import count
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import growing
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.methods.changing import Changing
from lth_keras.methods.method import Method, Phase
from lth_keras.methods.registry import register
from lth_keras.pruning.counts import check_density, keep_count
from lth_keras.pruning.ranking import shrink, shrink_together
from lth_keras.tickets.ticket import Ticket


@register("gradual")
class Gradual(Method):
    """One phase in which the smallest weights go, a few at a time, for good.

    Training begins dense. Every so many steps from `start` to `end` the weights of
    smallest magnitude are pruned, so that after step t the share

        (1 - density) * (1 - (1 - (t - start) / (end - start)) ** 3)

    of all is (1710.01878, equation 1, from no sparsity), rounded as rounds of pruning
    are; what is left trains on as it is, and after `end` on the last mask. `fit` needs
    `callbacks()`, by which that is carried out. A training that stops before `end` has
    kept more, of which `ticket` warns. The ticket is the last mask with the trained
    weights.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        density: share of the weights that is kept in the end, below 1.
        start: training step up to which nothing is pruned.
        end: training step at which the last weights are, after `start`.
        every: training steps between two changes; it divides `end`.
        scope: "layer", where each tensor has these densities, or "global", where all
            are ranked together.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    plan = (Phase("sparse", learns=True),)

    def __init__(
        self,
        model: keras.Model,
        density: float = 0.2,
        start: int = 0,
        end: int = 1000,
        every: int = 100,
        scope: str = "layer",
    ):
        self.density = check_density(density)
        self.start = count("start", start, 0, "a training step")
        self.end = count("end", end, 1, "a training step")
        self.every = count("every", every, 1, "a number of training steps")
        if self.density == 1 or self.end <= self.start or self.end % self.every:
            raise LotteryError(
                f"density={self.density}, start={self.start}, end={self.end}, "
                f"every={self.every}: give a density below 1, and an end that comes "
                "after the start and is a multiple of every."
            )
        self.model = wrap(model, 1 - self.density, scope=scope)
        self.scope = scope
        self._initial = [weight.read() for weight in Network.of(self.model).weights]

    @property
    def stops(self) -> tuple[int, ...]:
        return (self.every,)

    def begin(self, index: int, network: Network) -> None:
        growing.grow(network)
        for weight, value in zip(network.weights, self._initial, strict=True):
            weight.write(value)

    def found(self, network: Network) -> Ticket:
        """The ticket that the model holds; warns of one that keeps more than asked."""
        sizes = [mask.size for mask in network.masks]
        parts = [sum(sizes)] if self.scope == "global" else sizes
        asked = sum(keep_count(size, 1 - self.density) for size in parts)
        kept = sum(int(mask.sum()) for mask in network.masks)
        if kept > asked:
            warnings.warn(
                f"the ticket keeps {kept:,} weights, not the {asked:,} of density="
                f"{self.density}: training stopped before end={self.end}; train longer "
                "or give a smaller end.",
                stacklevel=3,
            )
        return super().found(network)

    def pruned_at(self, step: int) -> float:
        """The share of all weights that is pruned after a step, in [0, 1)."""
        left = (self.end - step) / (self.end - self.start)
        return (1 - self.density) * (1 - min(1.0, max(0.0, left)) ** 3)

    def callbacks(
        self, index: int = 0, seed: int = 0
    ) -> list[keras.callbacks.Callback]:
        """What `fit` is given; the same object for several fits that follow."""
        return [_Shrinking(self)]


class _Shrinking(Changing):
    """Prunes what a method says is to be pruned by now."""

    def __init__(self, method: Gradual):
        super().__init__(method.every)
        self._method = method

    def change(self, network: Network) -> None:
        share = self._method.pruned_at(self.step)
        masks = network.masks
        scores = [np.abs(weight.read()) for weight in network.pruned]
        if self._method.scope == "global":
            keep = _kept(sum(mask.size for mask in masks), share, masks)
            new = shrink_together(scores, masks, keep)
        else:
            new = [
                shrink(score, mask, _kept(mask.size, share, [mask]))
                for score, mask in zip(scores, masks, strict=True)
            ]
        if any((old != mask).any() for old, mask in zip(masks, new, strict=True)):
            growing.replace(network, new)


def _kept(size: int, share: float, masks: Sequence[np.ndarray]) -> int:
    """How many are kept by now; never more than there are left."""
    return min(keep_count(size, share), sum(int(mask.sum()) for mask in masks))
