"""Masks: their density and overlap, and weights put on them.

A mask is a boolean array with a weight's shape: True keeps, False prunes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_BITS = ("u1", "u2", "u4", "u8")
# Entries compared in one go, of which nothing leaves a core's own cache.
_CHUNK = 1 << 16


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


def apply(weights: np.ndarray, mask: np.ndarray, in_place: bool = False) -> np.ndarray:
    """`where(mask, weights, +0.0)`, in the dtype of `weights`.

    A product with the mask would leave -0.0 where a negative weight is pruned, and
    NaN where a pruned weight is not finite.

    Args:
        weights: the array.
        mask: of its shape.
        in_place: whether the array itself may be written, if it can be.
    """
    bits = f"u{weights.dtype.itemsize}"
    if weights.dtype.kind == "O" or bits not in _BITS or weights.shape != mask.shape:
        return np.where(mask, weights, np.zeros((), weights.dtype))
    # A product of the bits is the choice, in a third of the time.
    into = weights if in_place and weights.flags.writeable else np.empty_like(weights)
    np.multiply(weights.view(bits), mask, out=into.view(bits))
    return into


def has_strays(values: np.ndarray, mask: np.ndarray, start: Any = 0) -> bool:
    """Whether an entry is anything but `start` where the mask prunes.

    Args:
        values: weights, or what belongs to them entry by entry.
        mask: booleans of their shape.
        start: what pruned entries are.
    """
    flat, kept = values.reshape(-1), mask.reshape(-1)
    for begin in range(0, flat.size, _CHUNK):
        piece = slice(begin, begin + _CHUNK)
        # More than the mask: another value, and not kept.
        if np.any((flat[piece] != start) > kept[piece]):
            return True
    return False
