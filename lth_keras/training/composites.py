"""Ragged and sparse tensors by their rows, as arrays are taken by theirs.

TensorFlow gathers rows of ragged tensors; of sparse ones it only cuts out ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def is_composite(value: Any) -> bool:
    """Whether `value` is a ragged or a sparse tensor."""
    return isinstance(value, (tf.RaggedTensor, tf.SparseTensor))


def length(value: Any) -> int:
    """Rows of an array or a tensor of any kind."""
    if isinstance(value, tf.SparseTensor):
        return int(value.dense_shape[0])
    return int(value.nrows() if isinstance(value, tf.RaggedTensor) else value.shape[0])


def part(value: Any, start: int, end: int) -> Any:
    """Rows `start` to `end`, of the kind of `value`."""
    if isinstance(value, tf.SparseTensor):
        return rows_of(value)(tf.range(start, min(end, length(value)), dtype=tf.int64))
    return value[start:end]


def rows_of(value: Any) -> Callable[[tf.Tensor], Any]:
    """A function that takes rows by index.

    Args:
        value: a dense, ragged or sparse tensor.

    Returns:
        f(indices) -> the rows of these int64 indices, in their order, of the kind of
        `value`; serves in a `tf.data` function too.
    """
    if not isinstance(value, tf.SparseTensor):
        return lambda indices: tf.gather(value, indices)
    value = tf.sparse.reorder(value)
    # Static, so that layers find the number of their features in the shape.
    widths = [int(width) for width in value.dense_shape[1:]]
    places = tf.RaggedTensor.from_value_rowids(
        tf.range(tf.size(value.values, tf.int64)),
        value.indices[:, 0],
        nrows=value.dense_shape[0],
    )

    def take(indices: tf.Tensor) -> tf.SparseTensor:
        found = tf.gather(places, indices)
        columns = tf.gather(value.indices, found.flat_values)[:, 1:]
        return tf.SparseTensor(
            tf.concat([found.value_rowids()[:, None], columns], axis=1),
            tf.gather(value.values, found.flat_values),
            tf.stack([tf.size(indices, tf.int64), *widths]),
        )

    return take
