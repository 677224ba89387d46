"""Scores to masks: exact counts, ties by index, by weight or by all together.

Counts are integers and ranks are exact; tfmot rounds its threshold index in float32 and
keeps every tied weight, which leaves two weights too many of 50 million and a constant
tensor dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning import thresholds
from lth_keras.pruning.thresholds import Part


def shrink(scores: np.ndarray, mask: np.ndarray, keep: int) -> np.ndarray:
    """The mask that keeps the `keep` highest-scored of the surviving weights.

    Among equal scores the weight with the lower flat index (row-major) is kept: the
    count is exact on ties, and the same on every machine. Only weights that `mask`
    keeps are ranked, so a mask never grows, whatever the values of pruned weights.

    Args:
        scores: real numbers of any dtype and shape, higher is kept.
        mask: boolean array of the same shape, the current mask.
        keep: number of weights to keep, 0 <= keep <= mask.sum().

    Returns:
        A new boolean array of the same shape with exactly `keep` True entries.

    Raises:
        LotteryError: `keep` is out of range, or a score that has to be ranked is NaN.
    """
    return shrink_together([scores], [mask], keep)[0]


def _native(scores: np.ndarray) -> np.ndarray:
    """The scores in a dtype that NumPy itself sorts."""
    array = np.asarray(scores)
    # bfloat16 is no native NumPy type; float32 holds each of its values.
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)


def shrink_together(
    scores: Sequence[np.ndarray], masks: Sequence[np.ndarray], keep: int
) -> list[np.ndarray]:
    """`shrink` over several weights ranked as one (global scope).

    Args:
        scores: one array of real numbers per weight.
        masks: the current boolean masks, in the same order and shapes.
        keep: number of weights to keep in all.

    Returns:
        One new boolean mask per weight. Ties go to the earlier weight, then to the
        lower flat index.

    Raises:
        LotteryError: as of `shrink`.
    """
    alive = [np.asarray(mask, bool).reshape(-1) for mask in masks]
    left = [int(np.count_nonzero(mask)) for mask in alive]
    surviving = sum(left)
    if not 0 <= keep <= surviving:
        raise LotteryError(f"cannot keep {keep} of {surviving} surviving weights.")
    shapes = [np.shape(mask) for mask in masks]
    if keep == surviving:
        return [m.copy().reshape(s) for m, s in zip(alive, shapes, strict=True)]
    if keep == 0:
        return [np.zeros(shape, bool) for shape in shapes]
    values = [_native(score).reshape(-1) for score in scores]
    common = np.result_type(*values)
    parts = [
        Part(value.astype(common, copy=False), None if n == mask.size else mask)
        for value, mask, n in zip(values, alive, left, strict=True)
    ]
    try:
        lowest, ties = thresholds.lowest_kept(parts, surviving, keep)
    except thresholds.NotANumberError:
        raise LotteryError(
            "cannot rank weights: a score is NaN. Lower the learning rate, or rank "
            "by a criterion that is defined for these weights."
        ) from None
    kept = [np.empty(mask.size, bool) for mask in alive]
    for part, into in zip(parts, kept, strict=True):
        ties -= _mark(part, lowest, ties, into)
    return [m.reshape(shape) for m, shape in zip(kept, shapes, strict=True)]


def _mark(part: Part, lowest: Any, ties: int, into: np.ndarray) -> int:
    """Marks what is above a score, and the first of those that equal it.

    Args:
        part: of the scores.
        lowest: the score.
        ties: how many of those that equal it, at most.
        into: the booleans to set.

    Returns:
        How many that equal it were marked.
    """
    marked, begin = 0, 0
    for scores, mask in thresholds.chunks([part]):
        piece = into[begin : begin + scores.size]
        np.greater(scores, lowest, out=piece)
        if mask is not None:
            piece &= mask
        if marked < ties:
            equal = scores == lowest
            if mask is not None:
                equal &= mask
            first = np.flatnonzero(equal)[: ties - marked]
            piece[first] = True
            marked += first.size
        begin += scores.size
    return marked
