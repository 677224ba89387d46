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
from lth_keras.pruning.pieces import Pieces
from lth_keras.pruning.thresholds import Part


def shrink(
    scores: np.ndarray | Pieces, mask: np.ndarray, keep: int, in_place: bool = False
) -> np.ndarray:
    """The mask that keeps the `keep` highest-scored of the surviving weights.

    Among equal scores the weight with the lower flat index (row-major) is kept: the
    count is exact on ties, and the same on every machine. Only weights that `mask`
    keeps are ranked, so a mask never grows, whatever the values of pruned weights.

    Args:
        scores: real numbers of any dtype and shape, higher is kept; or what computes
            them.
        mask: boolean array of the same shape, the current mask.
        keep: number of weights to keep, 0 <= keep <= mask.sum().
        in_place: whether the mask itself may become the one that is returned.

    Returns:
        A boolean array of the same shape with exactly `keep` True entries.

    Raises:
        LotteryError: `keep` is out of range, or a score that has to be ranked is NaN.
    """
    return shrink_together([scores], [mask], keep, in_place)[0]


def _native(dtype: np.dtype) -> np.dtype:
    """A dtype that NumPy itself sorts, which holds the values of another."""
    # bfloat16 is no native NumPy type; float32 holds each of its values.
    return dtype if dtype.kind in "fiub" else np.dtype(np.float32)


def shrink_together(
    scores: Sequence[np.ndarray | Pieces],
    masks: Sequence[np.ndarray],
    keep: int,
    in_place: bool = False,
) -> list[np.ndarray]:
    """`shrink` over several weights ranked as one (global scope).

    Args:
        scores: one array of real numbers per weight, or what computes it.
        masks: the current boolean masks, in the same order and shapes.
        keep: number of weights to keep in all.
        in_place: whether masks may themselves become those that are returned.

    Returns:
        One boolean mask per weight. Ties go to the earlier weight, then to the
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
    values = [
        score if isinstance(score, Pieces) else np.asarray(score).reshape(-1)
        for score in scores
    ]
    common = np.result_type(*(_native(value.dtype) for value in values))
    parts = [
        Part(value, None if n == mask.size else mask, common)
        for value, mask, n in zip(values, alive, left, strict=True)
    ]
    try:
        lowest, ties = thresholds.lowest_kept(parts, surviving, keep)
    except thresholds.NotANumberError:
        raise LotteryError(
            "cannot rank weights: a score is NaN. Lower the learning rate, or rank "
            "by a criterion that is defined for these weights."
        ) from None
    kept = alive if in_place else [np.empty(mask.size, bool) for mask in alive]
    for part, into in zip(parts, kept, strict=True):
        ties -= _mark(part, lowest, ties, into)
    return [m.reshape(shape) for m, shape in zip(kept, shapes, strict=True)]


def _mark(part: Part, lowest: Any, ties: int, into: np.ndarray) -> int:
    """Marks what is above a score, and the first of those that equal it.

    Args:
        part: of the scores.
        lowest: the score.
        ties: how many of those that equal it, at most.
        into: the booleans to set, which may be the part's own mask.

    Returns:
        How many that equal it were marked.
    """
    marked, begin = 0, 0
    for scores, mask in part.chunks():
        above = scores > lowest
        if mask is not None:
            above &= mask
        if marked < ties:
            equal = scores == lowest
            if mask is not None:
                equal &= mask
            first = np.flatnonzero(equal)[: ties - marked]
            above[first] = True
            marked += first.size
        into[begin : begin + scores.size] = above
        begin += scores.size
    return marked
