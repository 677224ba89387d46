"""The top share of a tensor inside a train step: exact counts, ties by index, no sort.

A sort of LeNet's first layer takes longer than the rest of the step. What is searched
for here is the threshold alone, by counting how many entries reach a guess. From one
step to the next it hardly moves: the last one, and how densely entries lie around it,
are a hint from which about six counts are enough. A wrong hint costs time and changes
nothing.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

# Threshold, and entries per unit of magnitude around it; a density of 0 is no hint.
HINT = 2
# Entries that are sorted where there is no hint.
_SAMPLE = 4096
# Counts that follow the slope before every other one halves what is left.
_PATIENCE = 8
_INFINITY = 0x7F800000


def top_share(
    scores: tf.Tensor, keep: int, hint: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Marks the `keep` entries of largest magnitude.

    Among equal magnitudes the entry with the lower flat index (row-major) is kept, as
    `pruning.ranking.shrink` has it.

    Args:
        scores: float32 tensor of any static shape.
        keep: how many to keep, 1 to the number of entries.
        hint: what a call for about the same scores returned, (2,) float32.

    Returns:
        Boolean tensor of that shape with exactly `keep` True entries, and the hint for
        the next call.
    """
    none = tf.zeros([HINT])
    if keep >= math.prod(scores.shape):
        return tf.ones(scores.shape, tf.bool), none
    kept, found = _compiled(scores, keep, none if hint is None else hint)
    return kept, found


# Compiled also where the train step is not: op by op each count would write its
# comparisons to memory, and a convolutional step would take half as long again.
@tf.function(jit_compile=True, autograph=False)
def _compiled(
    scores: tf.Tensor, keep: int, hint: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    # Bits of nonnegative floats are in the order of their values.
    bits = tf.bitcast(tf.abs(tf.reshape(scores, [-1])), tf.int32)
    size = math.prod(scores.shape)
    hint = tf.cond(hint[1] > 0, lambda: hint, lambda: _sampled(bits, size, keep))
    low, high, reach, beyond, hint = _searched(bits, size, keep, hint)
    # Where one bound has the right count it is the threshold; else all entries between
    # the bounds are equal, and as many as are missing are taken by their index.
    exact = tf.logical_or(reach == keep, beyond == keep)
    threshold = tf.where(reach == keep, low, high)
    index = tf.range(size)
    tied = tf.logical_and(bits >= low, bits < high)
    end = _end_of_ties(tied, index, keep - beyond, exact, size)
    kept = tf.logical_or(bits >= threshold, tf.logical_and(tied, index < end))
    return tf.reshape(kept, scores.shape), hint


def _sampled(bits: tf.Tensor, size: int, keep: int) -> tf.Tensor:
    """A hint from some entries, sorted."""
    # Odd, so that it does not stay in one column of a matrix of even width.
    stride = max(1, (size // _SAMPLE) | 1) if size > _SAMPLE else 1
    ordered = tf.bitcast(tf.sort(bits[::stride], direction="DESCENDING"), tf.float32)
    entries = int(ordered.shape[0])
    rank = min(entries - 1, round(keep / size * entries))
    first, last = max(0, rank - entries // 50), min(entries - 1, rank + entries // 50)
    width = tf.maximum(ordered[first] - ordered[last], 1e-30)
    density = tf.cast((last - first + 1) * size / entries, tf.float32) / width
    return tf.stack([ordered[rank], tf.minimum(density, 1e30)])


def _searched(bits: tf.Tensor, size: int, keep: int, hint: tf.Tensor) -> Any:
    """Bounds of the threshold, one of which `keep` entries reach, or neighbours.

    Returns:
        The lower and the upper bound, as bits, the numbers of entries that reach them,
        and the hint for the next search.
    """

    def goes_on(low: Any, high: Any, reach: Any, beyond: Any, *_: Any) -> Any:
        found = tf.logical_or(reach == keep, beyond == keep)
        return tf.logical_and(tf.logical_not(found), high - low > 1)

    def body(
        low: Any, high: Any, reach: Any, beyond: Any, value: Any, slope: Any,
        before: Any, passes: Any,
    ) -> Any:  # fmt: skip
        guess = tf.bitcast(value, tf.int32)
        # A slope of few entries may lead out of the bounds; a line between them stays.
        least, most = (tf.bitcast(bound, tf.float32) for bound in (low, high))
        share = (reach - keep) / (reach - beyond)
        line = tf.bitcast(least + (most - least) * tf.cast(share, tf.float32), tf.int32)
        outside = tf.logical_or(guess <= low, guess >= high)
        guess = tf.where(tf.logical_and(outside, high < _INFINITY), line, guess)
        # Halving the range of bits ends it, whatever the distribution.
        halved = tf.logical_and(passes >= _PATIENCE, passes % 2 == 0)
        guess = tf.where(halved, low + (high - low) // 2, guess)
        guess = tf.clip_by_value(guess, low + 1, high - 1)
        count = tf.reduce_sum(tf.cast(bits >= guess, tf.int32))
        here = tf.bitcast(guess, tf.float32)
        # The slope between the last two guesses, where there is one that is of use.
        steep = tf.cast(before[0] - tf.cast(count, tf.float32), tf.float32)
        steep = tf.math.divide_no_nan(steep, here - before[1])
        slope = tf.where(tf.logical_and(steep > 0, passes > 0), steep, slope)
        error = tf.cast(count - keep, tf.float32)
        return (
            tf.where(count >= keep, guess, low),
            tf.where(count <= keep, guess, high),
            tf.where(count >= keep, count, reach),
            tf.where(count <= keep, count, beyond),
            tf.maximum(here + error / slope, 0.0),
            slope,
            tf.stack([tf.cast(count, tf.float32), here]),
            passes + 1,
        )

    low, high, reach, beyond, _, slope, before, _ = tf.while_loop(
        goes_on,
        body,
        [0, _INFINITY, size, 0, hint[0], hint[1], tf.zeros([2]), 0],
    )
    # Of a few entries the slope is chance: most of it stays what was known before.
    return low, high, reach, beyond, tf.stack([before[1], (slope + 3 * hint[1]) / 4])


def _end_of_ties(
    tied: tf.Tensor, index: tf.Tensor, missing: tf.Tensor, exact: tf.Tensor, size: int
) -> tf.Tensor:
    """The index before which as many of equal entries stand as are missing."""

    def body(first: Any, last: Any) -> Any:
        middle = first + (last - first) // 2
        before = tf.logical_and(tied, index < middle)
        enough = tf.reduce_sum(tf.cast(before, tf.int32)) >= missing
        return tf.where(enough, first, middle + 1), tf.where(enough, middle, last)

    last = tf.where(exact, 0, size)
    _, end = tf.while_loop(lambda first, last: first < last, body, [0, last])
    return end
