"""Scores to masks: exact counts, ties by index, by weight or by all together.

Counts are integers and ranks are exact; tfmot rounds its threshold index in float32 and
keeps every tied weight, which leaves two weights too many of 50 million and a constant
tensor dense.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lth_keras.errors import LotteryError


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
    flat_mask = np.asarray(mask, bool).reshape(-1)
    flat = _native(scores).reshape(-1)
    surviving = int(np.count_nonzero(flat_mask))
    if not 0 <= keep <= surviving:
        raise LotteryError(f"cannot keep {keep} of {surviving} surviving weights.")
    candidates = flat if surviving == flat.size else flat[flat_mask]
    if keep == surviving:
        kept = np.ones(surviving, bool)
    elif keep == 0:
        kept = np.zeros(surviving, bool)
    else:
        kept = _largest(candidates, keep)
    if surviving == flat.size:
        return kept.reshape(np.shape(mask))
    result = np.zeros(flat.size, bool)
    result[flat_mask] = kept
    return result.reshape(np.shape(mask))


def _native(scores: np.ndarray) -> np.ndarray:
    """The scores in a dtype that NumPy itself sorts."""
    array = np.asarray(scores)
    # bfloat16 is no native NumPy type; float32 holds each of its values.
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)


def _largest(scores: np.ndarray, keep: int) -> np.ndarray:
    """Marks the `keep` largest of a flat array, lower index first among equals."""
    partitioned = np.partition(scores, scores.size - keep)
    # NaN sorts as the largest and max() hands it on, so the tail shows any.
    if np.isnan(partitioned[scores.size - keep :].max()):
        raise LotteryError(
            "cannot rank weights: a score is NaN. Lower the learning rate, or rank "
            "by a criterion that is defined for these weights."
        )
    threshold = partitioned[scores.size - keep]
    kept = scores > threshold
    missing = keep - int(np.count_nonzero(kept))
    ties = np.flatnonzero(scores == threshold)
    kept[ties[:missing]] = True
    return kept


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
    """
    flat_scores = np.concatenate([_native(s).reshape(-1) for s in scores])
    flat_masks = np.concatenate([np.asarray(m, bool).reshape(-1) for m in masks])
    flat = shrink(flat_scores, flat_masks, keep)
    ends = np.cumsum([np.size(m) for m in masks])[:-1]
    return [
        part.reshape(np.shape(m))
        for part, m in zip(np.split(flat, ends), masks, strict=True)
    ]
