"""What criteria see of each pruned weight: itself, or the scales of its filters.

Where filters are ranked by the batch normalisation behind them (granularity
"filter:scale"), each scale stands for all weights of its filter, with its own gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.reads import WhenAsked
from lth_keras.masking.weight import Weight
from lth_keras.pruning.units import Arrays


class Seen:
    """The weights that criteria read, one for each pruned weight.

    Args:
        network: of a model on masks.

    Attributes:
        weights: each pruned weight, or the scale that stands for it.

    Raises:
        LotteryError: the filters are ranked by scales that some of them do not have.
    """

    def __init__(self, network: Network):
        self._network = network
        self._by_scale = network.recipe.rule.scored_by != "kernel"
        self.weights = _scales(network) if self._by_scale else network.pruned

    def values(self, values: Sequence[np.ndarray] | None = None) -> list[np.ndarray]:
        """What they are, each in the shape of the pruned weight.

        Args:
            values: of all weights of the network, in its order; the present ones by
                default.
        """
        if values is None:
            return self.spread([weight.read() for weight in self.weights])
        places = {id(weight): i for i, weight in enumerate(self._network.weights)}
        return self.spread([values[places[id(weight)]] for weight in self.weights])

    def one_by_one(self, views: bool = False) -> Arrays:
        """The present ones, each read when it is asked for where that can be.

        Args:
            views: whether they are read at once, and so without a copy.
        """
        if self._by_scale:
            return self.values()
        return WhenAsked([w.view if views else w.read for w in self.weights])

    def spread(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Arrays in the shapes of `weights`, in those of the pruned weights."""
        rule, network = self._network.recipe.rule, self._network
        if not self._by_scale:
            return list(arrays)
        found = []
        for weight, tensor, array in zip(
            network.pruned, network.tensors, arrays, strict=True
        ):
            dense = np.ones(weight.shape, bool)
            units = rule.units(tensor, dense)
            wide = rule.spread(tensor, np.asarray(array).reshape(units.shape), dense)
            found.append(np.broadcast_to(wide, weight.shape))
        return found

    def gathered(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Arrays in the shapes of the pruned weights, in those of `weights`.

        Of a filter's entries it is the mean, which of what was spread is what was.
        """
        rule, network = self._network.recipe.rule, self._network
        if not self._by_scale:
            return list(arrays)
        found = []
        for weight, tensor, array in zip(
            self.weights, network.tensors, arrays, strict=True
        ):
            dense = np.ones(tensor.shape, bool)
            units = rule.units(tensor, dense)
            index = np.arange(units.size).reshape(units.shape)
            owner = np.broadcast_to(rule.spread(tensor, index, dense), tensor.shape)
            sums = np.bincount(owner.ravel(), np.asarray(array, np.float64).ravel())
            mean = sums / np.bincount(owner.ravel())
            found.append(mean.astype(np.float32).reshape(weight.shape))
        return found


def _scales(network: Network) -> tuple[Weight, ...]:
    # The scale of a sum is that of no one filter.
    scales = {
        id(lead[0]): weight
        for weight, lead in network.leads
        if weight.name == "gamma" and len(lead) == 1
    }
    for weight in network.pruned:
        if id(weight) not in scales:
            raise LotteryError(
                f"granularity={network.recipe.granularity!r}: no BatchNormalization "
                f"with a scale is behind {weight.path}: leave its layer out "
                "(exclude=), or use 'filter'."
            )
    return tuple(scales[id(weight)] for weight in network.pruned)
