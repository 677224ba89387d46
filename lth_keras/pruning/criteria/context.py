"""What a criterion that sees the whole network is given.

@lth.criteria.register("mine", needs=("gradients",), whole=True)
def mine(context):
    return [np.abs(w * g) for w, g in zip(context.weights, context.gradients())]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class Context(Protocol):
    """The network at one moment of pruning, and the data.

    Lists have an array for each prunable weight tensor, in the model's order. Where
    filters are ranked by scales, weights and gradients are those of their scales.
    """

    @property
    def model(self) -> Any:
        """The wrapped model itself, to be left as it is."""

    @property
    def data(self) -> Any:
        """What `lth.prune(model, data=...)` was given, or None."""

    @property
    def rng(self) -> np.random.Generator:
        """A seeded generator, for a criterion that draws."""

    @property
    def weights(self) -> list[np.ndarray]:
        """The present weights, zero where they are pruned."""

    @property
    def masks(self) -> list[np.ndarray]:
        """The present masks, as boolean arrays."""

    @property
    def initial(self) -> Sequence[np.ndarray] | None:
        """The initial weights, or None where they were not captured."""

    def gradients(self) -> list[np.ndarray]:
        """The mean gradients of the loss over the data, zero where pruned."""

    def hessian_products(self, vectors: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The Hessian of that loss times a vector, given in parts like the weights."""

    def flow(self) -> list[np.ndarray]:
        """Gradients of the sum of outputs for an input of ones, all weights positive.

        Every weight of the network stands at its absolute value meanwhile, so that
        nothing cancels (2006.05467, equation 2); probabilities are passed over, as
        their sum is 1 whatever the weights.
        """
