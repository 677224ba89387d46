"""Filters: whole output channels of convolutions, whole units of dense layers."""

from __future__ import annotations

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning.granularities.registry import register
from lth_keras.pruning.granularities.unit import Granularity, Tensor

# Their kernels' last axis holds gates, or an embedding's dimensions.
_WITHOUT = ("LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTMCell", "Embedding")


@register("filter", r"filter(?::(l1|l2|scale))?")
class Filter(Granularity):
    """All weights of one output, by the L1 norm of the kernel (1608.08710, section 3).

    With the criterion "magnitude", the default, a filter's score is its L1 norm; with
    another, the sum of that criterion's scores. It is taken per weight, so that
    filters of several sizes can be ranked together, which within a tensor changes no
    order.

    Args:
        norm: "l1" or none; "l2", the root of the sum of squares, each with its sign;
            or "scale": the scale of the batch normalisation behind the layer stands
            for the weights of its filter (1708.06519).
    """

    outputs = True

    def __init__(self, norm: str | None = None):
        self.norm = norm or "l1"
        if self.norm == "scale":
            self.scored_by = "scale"

    def check(self, tensor: Tensor) -> None:
        """Refuses what has no axis of outputs."""
        if len(tensor.shape) < 2 or tensor.kind in _WITHOUT:
            raise LotteryError(
                f"granularity='filter': {tensor.path} of {tensor.kind or 'a layer'} "
                f"and of shape {tensor.shape} has no filters: leave its layer out "
                "(exclude=)."
            )

    def pool(self, tensor: Tensor, scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The norm of each filter per weight, pruned weights as 0."""
        axes = _inputs(tensor)
        held = np.where(mask, scores, 0).astype(np.float64)
        if self.norm == "l2":
            squares = (np.abs(held) * held).mean(axis=axes)
            return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)))
        return np.asarray(held.mean(axis=axes))

    def units(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        """Whether a filter has any weight left."""
        return np.asarray(mask.any(axis=_inputs(tensor)))

    def spread(self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The whole filters."""
        return np.expand_dims(kept, _inputs(tensor))


def _inputs(tensor: Tensor) -> tuple[int, ...]:
    """The axes of a kernel that do not count outputs."""
    rank = len(tensor.shape)
    name = tensor.path.rpartition("/")[2]
    if name == "depthwise_kernel" or tensor.kind.startswith("DepthwiseConv"):
        return tuple(range(rank - 2))
    outputs = rank - 2 if tensor.kind.endswith("Transpose") else rank - 1
    return tuple(axis for axis in range(rank) if axis != outputs)
