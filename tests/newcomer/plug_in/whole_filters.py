"""A granularity: filters of a convolution, units of a dense layer (1608.08710)."""

from __future__ import annotations

import numpy as np

from lth_keras.pruning import granularity


@granularity.register("whole_filter")
class WholeFilter(granularity.Granularity):
    """All weights of one output; with the criterion "magnitude", by their L1 norm."""

    def pool(
        self, tensor: granularity.Tensor, scores: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.where(mask, scores, 0).sum(axis=_inputs(tensor)))

    def units(self, tensor: granularity.Tensor, mask: np.ndarray) -> np.ndarray:
        return np.asarray(mask.any(axis=_inputs(tensor)))


def _inputs(tensor: granularity.Tensor) -> tuple[int, ...]:
    """The axes beside the last, which counts outputs."""
    return tuple(range(len(tensor.shape) - 1))
