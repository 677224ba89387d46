"""N:M: of every M neighbouring inputs of an output, N are kept."""

from __future__ import annotations

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning.granularities.registry import register
from lth_keras.pruning.granularities.unit import Granularity, Tensor


@register("n_of_m", r"(\d{1,4}(?:-\d{1,4})*):(\d{1,4})", example="2:4")
class NOfM(Granularity):
    """The N best of every M neighbouring inputs, of each output and place.

    "2:4" is reached in one round, whatever the rate, and a further round prunes
    nothing; "3-2-1:4" falls by round. Groups lie along the axis before the last, where
    kernels count their inputs, as those of tfmot's `sparsity_m_by_n` do. A group that
    is cut off at the end keeps N too, or all that it has.

    Args:
        kept: N, or several, each less than the one before, as text.
        of: M, as text.
    """

    def __init__(self, kept: str, of: str):
        self.kept = tuple(map(int, kept.split("-")))
        self.of = int(of)
        self.rounds = len(self.kept)
        falls = list(self.kept) == sorted(set(self.kept), reverse=True)
        if not (falls and 0 < self.kept[-1] and self.kept[0] < self.of):
            raise LotteryError(
                f"granularity='{kept}:{of}': of every M weights N are kept, at least "
                "one and fewer than M, as in 2:4; several N fall, as in 3-2-1:4."
            )

    def check(self, tensor: Tensor) -> None:
        """Refuses a vector, which has no inputs."""
        if len(tensor.shape) < 2:
            raise LotteryError(
                f"granularity='{'-'.join(map(str, self.kept))}:{self.of}': "
                f"{tensor.path} of shape {tensor.shape} has no axis of inputs: leave "
                "its layer out (exclude=)."
            )

    def pool(self, tensor: Tensor, scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Minus the rank of each weight in its group, from 0; pruned ones come last."""
        native = scores if scores.dtype.kind in "fiub" else scores.astype(np.float32)
        held = np.where(mask, native, -np.inf)
        if np.isnan(held).any():
            return held  # Whoever ranks says so.
        order = np.argsort(-self._groups(held, -np.inf), axis=-1, kind="stable")
        return self._tensor(-np.argsort(order, axis=-1), mask.shape)

    def keep_of(self, tensor: Tensor, units: np.ndarray) -> int | None:
        """What the first of the N keeps that prunes anything."""
        left = self._groups(units, False).sum(axis=-1)
        for number in self.kept:
            found = int(np.minimum(left, number).sum())
            if found < int(left.sum()):
                return found
        return int(left.sum())

    def _groups(self, values: np.ndarray, filler: float) -> np.ndarray:
        """The tensor as [..., groups, M], with `filler` at the end of its inputs."""
        moved = np.moveaxis(values, -2, -1)
        end = [(0, 0)] * (moved.ndim - 1) + [(0, -moved.shape[-1] % self.of)]
        padded = np.pad(moved, end, constant_values=filler)
        return padded.reshape(*padded.shape[:-1], -1, self.of)

    def _tensor(self, groups: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """What `_groups` made, in the tensor's shape again."""
        moved = groups.reshape(*groups.shape[:-2], -1)[..., : shape[-2]]
        return np.moveaxis(moved, -1, -2)
