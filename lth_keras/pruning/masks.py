"""Masks: their density and overlap, and weights put on them.

A mask is a boolean array with a weight's shape: True keeps, False prunes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def density(masks: Sequence[np.ndarray]) -> float:
    """P_m = |m|_0 / |theta| over the given masks (1803.03635, section 1)."""
    total = sum(np.size(m) for m in masks)
    return sum(int(np.count_nonzero(m)) for m in masks) / total if total else 1.0


def overlap(mask: np.ndarray, other: np.ndarray) -> float:
    """Share of the weights kept by `mask` that `other` keeps too, in [0, 1].

    1.0 where `mask` keeps nothing.
    """
    kept = int(np.count_nonzero(mask))
    return int(np.count_nonzero(mask & other)) / kept if kept else 1.0


def apply(weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`where(mask, weights, +0.0)`, in the dtype of `weights`.

    A product with the mask would leave -0.0 where a negative weight is pruned, and
    NaN where a pruned weight is not finite.
    """
    return np.where(mask, weights, np.zeros((), weights.dtype))
