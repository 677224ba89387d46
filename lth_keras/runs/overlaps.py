"""How far do two masks keep the same weights, and how far would chance do it?

Arrays go in; `analysis.overlap` and the figure of overlaps stand on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Of one weight tensor, or of all together.

    Attributes:
        kept: weights that the first mask keeps.
        other: weights that the second one keeps.
        both: weights that both keep.
        expected: `both` of two random masks that keep as many of each tensor.
        size: weights there are.
    """

    kept: int
    other: int
    both: int
    expected: float
    size: int

    @property
    def share(self) -> float:
        """Share of the first mask's weights that the second keeps too, in [0, 1]."""
        return self.both / self.kept if self.kept else 1.0

    @property
    def chance(self) -> float:
        """The same of random masks: of one tensor, the density of the second."""
        return self.expected / self.kept if self.kept else 1.0

    @property
    def jaccard(self) -> float:
        """Weights that both keep, over those that either keeps."""
        either = self.kept + self.other - self.both
        return self.both / either if either else 1.0


def of_masks(mask: np.ndarray, other: np.ndarray) -> Overlap:
    """The overlap of two masks of one shape."""
    kept, theirs = int(np.count_nonzero(mask)), int(np.count_nonzero(other))
    both = int(np.count_nonzero(mask & other))
    return Overlap(kept, theirs, both, kept * theirs / mask.size, mask.size)


def total(found: Sequence[Overlap]) -> Overlap:
    """The overlap of all tensors together, whose chance is that of each."""
    return Overlap(
        sum(each.kept for each in found),
        sum(each.other for each in found),
        sum(each.both for each in found),
        sum(each.expected for each in found),
        sum(each.size for each in found),
    )
