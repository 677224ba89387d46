"""What a granularity says: the units of a tensor, what they are worth, how many stay.

A granularity is one class; criteria, scopes and counts know nothing of it.

    @granularity.register("row_pair")
    class RowPair(granularity.Granularity):
        def pool(self, tensor, scores, mask):
            return np.where(mask, scores, 0).sum(axis=-1)
        def units(self, tensor, mask):
            return mask.any(axis=-1)
        def spread(self, tensor, kept, mask):
            return kept[..., np.newaxis]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lth_keras.pruning import counts


class Tensor(NamedTuple):
    """A prunable weight tensor.

    Attributes:
        path: names of its layer and of the weight, "dense/kernel".
        kind: class name of the layer that owns it, "Conv2D"; it tells which axis
            counts the outputs. Empty where arrays are pruned without a model.
        shape: of the tensor.
        tied: a name that tensors have in common whose units are kept or pruned
            together, as those that a residual network adds; empty for none.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    tied: str = ""


class Granularity:
    """Single weights, and what other granularities override.

    Args:
        *parameters: the groups of the pattern that it is registered with, as text.

    Attributes:
        outputs: whether a unit is an output of its layer, so that what else belongs
            to that output goes with it: its bias, its scale and offset in the batch
            normalisation behind it. Output layers of a model are left whole then.
        scored_by: which weight of a unit criteria see: "kernel", or "scale", the one
            of the batch normalisation behind it.
        rounds: after how many rounds nothing more is pruned; None for no end.
    """

    outputs = False
    scored_by = "kernel"
    rounds: int | None = None

    def check(self, tensor: Tensor) -> None:
        """Refuses a tensor that has no such units.

        Raises:
            LotteryError: names the tensor, and says which are allowed.
        """

    def pool(self, tensor: Tensor, scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """One score per unit; the highest are kept, ties by index.

        Args:
            tensor: whose units these are.
            scores: of its weights, of any sign; those of pruned weights mean nothing.
            mask: the present mask.
        """
        return scores

    def units(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        """A boolean per unit: whether the mask keeps any of it."""
        return mask

    def spread(self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Where the units that are kept lie: True for their weights.

        Args:
            tensor: whose units these are.
            kept: a boolean per unit.
            mask: the present mask; what it prunes stays pruned, whatever is returned.

        Returns:
            Booleans of the tensor's shape, or one that broadcasts to it.
        """
        return kept

    def keep(self, surviving: int, size: int, rate: float) -> int:
        """How many units a round keeps, of those that are ranked together.

        Args:
            surviving: how many there still are, of a tensor or of the model.
            size: how many there are where nothing is pruned.
            rate: share to prune, in (0, 1).
        """
        return counts.keep_count(surviving, rate)

    def keep_of(self, tensor: Tensor, units: np.ndarray) -> int | None:
        """How many units of a tensor a round keeps, where its shape decides.

        Args:
            tensor: whose units these are.
            units: a boolean per unit, whether there still is any of it.

        Returns:
            The number, or None where `keep` says.
        """
        return None
