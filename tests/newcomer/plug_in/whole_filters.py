"""A granularity: filters of a convolution, units of a dense layer (1608.08710)."""

from __future__ import annotations

import numpy as np

from lth_keras.pruning import granularity


@granularity.register("whole_filter")
class WholeFilter(granularity.Granularity):
    """All weights of one output; with the criterion "magnitude", by their L1 norm."""

    def pool(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(scores.sum(axis=_inputs(scores)))

    def units(self, mask: np.ndarray) -> np.ndarray:
        return np.asarray(mask.any(axis=_inputs(mask)))

    def spread(self, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return kept & mask


def _inputs(tensor: np.ndarray) -> tuple[int, ...]:
    """The axes beside the last, which counts outputs."""
    return tuple(range(tensor.ndim - 1))
