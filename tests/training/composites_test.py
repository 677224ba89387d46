"""Rows of ragged and sparse tensors, and batches of them, against dense arrays."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.training import batches, composites

RAGGED = tf.ragged.constant([[1, 2], [], [3], [4, 5, 6], [7]], dtype=tf.int64)
TABLE = np.array([[0, 1, 0], [2, 0, 3], [0, 0, 0], [0, 4, 5], [6, 0, 0]], np.float32)
SPARSE = tf.sparse.from_dense(TABLE)


def dense(value) -> list:
    if isinstance(value, tf.RaggedTensor):
        return value.to_list()
    if isinstance(value, tf.SparseTensor):
        value = tf.sparse.to_dense(value)
    return np.asarray(value).tolist()


@pytest.mark.parametrize("indices", [[3, 0, 3], [2], [4, 1, 2, 0, 3], []])
@pytest.mark.parametrize("value", [RAGGED, SPARSE, tf.constant(TABLE)])
def test_rows_come_in_the_order_of_their_indices(value, indices) -> None:
    found = composites.rows_of(value)(tf.constant(indices, tf.int64))
    assert dense(found) == [dense(value)[index] for index in indices]


def test_rows_of_a_sparse_tensor_in_disorder_are_its_rows() -> None:
    turned = tf.SparseTensor(
        tf.reverse(SPARSE.indices, [0]), tf.reverse(SPARSE.values, [0]), SPARSE.shape
    )
    found = composites.rows_of(turned)(tf.constant([3, 1], tf.int64))
    assert dense(found) == TABLE[[3, 1]].tolist()
    assert found.shape == (2, 3)


def test_rows_of_more_than_two_dimensions() -> None:
    cube = np.arange(24, dtype=np.float32).reshape(4, 2, 3) % 5
    rows_at = composites.rows_of(tf.sparse.from_dense(cube))
    found = rows_at(tf.constant([2, 0], tf.int64))
    assert dense(found) == cube[[2, 0]].tolist()


@pytest.mark.parametrize("value", [RAGGED, SPARSE, TABLE])
def test_a_part_ends_where_the_rows_do(value) -> None:
    assert composites.length(value) == 5
    assert dense(composites.part(value, 1, 3)) == dense(value)[1:3]
    assert dense(composites.part(value, 3, 9)) == dense(value)[3:]


@pytest.mark.parametrize(
    "start", [*(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1)), 4]
)
def test_batches_have_the_order_of_dense_ones_from_any_step(start: int) -> None:
    """Three an epoch, the last one smaller; two epochs."""
    numbers = np.arange(5)
    options = {"batch_size": 2, "seed": 3, "level": 1, "start": start}
    found = batches.batches(({"r": RAGGED, "s": SPARSE}, numbers), **options)
    expected = batches.batches(numbers, **options)
    assert found.element_spec[0]["s"].shape.as_list() == [None, 3]
    for (x, y), rows in zip(found.take(6), expected.take(6), strict=True):
        rows = rows.numpy().tolist()
        assert y.numpy().tolist() == rows
        assert dense(x["r"]) == [dense(RAGGED)[row] for row in rows]
        assert dense(x["s"]) == TABLE[rows].tolist()


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(LotteryError, match="5, 4 examples"):
        batches.batches((RAGGED, np.zeros(4)), 2)
