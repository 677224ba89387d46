"""Rows: the weights from one input to all outputs."""

from __future__ import annotations

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning.granularities.registry import register
from lth_keras.pruning.granularities.unit import Granularity, Tensor


@register("row")
class Row(Granularity):
    """Rows along a tensor's last axis: of a dense kernel, one input's weights.

    Of a convolution it is one input channel at one place of the kernel. A row is worth
    the mean score of its weights, so that rows of several widths can be ranked
    together.
    """

    def check(self, tensor: Tensor) -> None:
        """Refuses a vector, which has no rows."""
        if len(tensor.shape) < 2:
            raise LotteryError(
                f"granularity='row': {tensor.path} of shape {tensor.shape} has no "
                "rows: leave its layer out (exclude=)."
            )

    def pool(self, tensor: Tensor, scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The mean score of each row, pruned weights as 0."""
        held = np.where(mask, scores, 0)
        return np.asarray(held.mean(axis=-1, dtype=np.float64))

    def units(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        """Whether a row has any weight left."""
        return np.asarray(mask.any(axis=-1))

    def spread(self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The whole rows."""
        return kept[..., np.newaxis]
