"""Frames, lists and matrices of other packages as the arrays that Keras reads."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import scipy.sparse
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import examples

TABLE = np.array([[0.0, 1.5], [2.5, 0.0], [3.0, 4.0]])
FRAME = pandas.DataFrame(TABLE, columns=["a", "b"])
SERIES = pandas.Series([1, 0, 1], name="y")


def as_keras_reads(x, y) -> list:
    """What a model is fed by `fit` itself."""
    seen = []

    class Watch(keras.Model):
        def train_step(self, data):
            seen.append(tf.nest.map_structure(np.asarray, data))
            return {"loss": 0.0}

    one = Watch()
    one.compile(run_eagerly=True)
    one.fit(x, y, batch_size=3, shuffle=False, verbose=0)
    return tf.nest.flatten(seen)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (FRAME, SERIES),
        (dict(FRAME), FRAME),
        (FRAME["a"], TABLE),
        ([[1, 2], [3, 4], [5, 6]], [0, 1, 0]),
        ([[[1.5], [2.0]], [[3.0], [4.0]], [[0.0], [0.5]]], [1.0, 2.0, 3.0]),
        ([TABLE, TABLE[:, :1]], TABLE),
        (["a", "b", "c"], [0, 1, 2]),
        ({"a": TABLE}, tf.constant([1, 2, 3])),
    ],
)
def test_examples_are_what_fit_itself_reads(x, y) -> None:
    """But for float64, which stays: Keras casts it to float32 before the model does."""
    found = tf.nest.flatten(examples.taken(x, y)[:2])
    assert examples.is_arrays(found)
    expected = as_keras_reads(x, y)
    assert len(found) == len(expected)
    for array, wanted in zip(found, expected, strict=True):
        assert np.shape(array) == wanted.shape
        if wanted.dtype == object:
            wanted = wanted.astype(str)
        assert np.array_equal(np.asarray(array), wanted)


def test_arrays_and_what_is_not_in_memory_stay_the_same_objects() -> None:
    dataset = tf.data.Dataset.range(3)
    x, _, weight = examples.taken({"a": TABLE}, tf.constant(1.0), TABLE)
    assert x["a"] is TABLE and weight is TABLE
    assert examples.taken(dataset)[0] is dataset
    assert examples.taken(as_keras_reads)[0] is as_keras_reads
    pair = (TABLE, TABLE)
    assert examples.taken_together("test_data", pair) is pair
    assert examples.taken_together("test_data", dataset) is dataset


def test_sparse_matrices_of_scipy_become_sparse_tensors() -> None:
    found = examples.taken(scipy.sparse.csc_matrix(TABLE))[0]
    assert isinstance(found, tf.SparseTensor)
    assert np.array_equal(tf.sparse.to_dense(found), TABLE)


class Stored:
    """Rows of a file, as HDF5 data sets are: Keras reads them by their length."""

    shape, dtype = TABLE.shape, TABLE.dtype

    def __len__(self) -> int:
        return len(TABLE)

    def __getitem__(self, index):
        return TABLE[index]


def test_array_likes_are_read() -> None:
    found = examples.taken(Stored())[0]
    assert isinstance(found, np.ndarray) and np.array_equal(found, TABLE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((FRAME.assign(c=["u", "v", "w"]), SERIES), "x is a DataFrame of dtype object"),
        ((FRAME, pandas.Series([1, "a", None])), "y is a Series of dtype object"),
        ((pandas.to_datetime(SERIES), None), "x is a Series of dtype datetime64"),
        ((np.array([{}, 1]), None), "x is a ndarray of dtype object"),
        (([[1, 2], [3]], [0, 1]), "x is a list of list .*RaggedTensor"),
    ],
)
def test_what_is_no_tensor_is_refused_in_one_line(data, said: str) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        examples.taken(*data)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    with pytest.raises(LotteryError, match=f"test_data: {said}"):
        examples.taken_together("test_data", data)


def test_a_list_beside_an_array_is_named_as_fit_does_not_take_it() -> None:
    x, y, _ = examples.taken(TABLE, [0, 1, 0])
    assert examples.is_arrays(x) and not examples.is_arrays(y)
    with pytest.raises(LotteryError, match="y is a list of int.*np.asarray"):
        examples.require_arrays("y", y)


def test_examples_are_described_by_their_content() -> None:
    assert examples.describe((TABLE, TABLE)) == examples.describe((TABLE.copy(), TABLE))
    assert examples.describe((TABLE, TABLE)) != examples.describe((TABLE, 1 - TABLE))
    assert examples.describe(TABLE) != examples.describe(TABLE.reshape(-1))
    assert examples.describe(examples.taken(FRAME)[0]) == examples.describe(TABLE)
    one, other = tf.ragged.constant([[1, 2], [3]]), tf.ragged.constant([[1], [2, 3]])
    assert examples.describe(one) != examples.describe(other)
    text = np.array(["a", "b"])
    assert examples.describe(text) != examples.describe(np.array(["a", "c"]))
    assert examples.describe(None) is None
    assert examples.describe(as_keras_reads) == "as_keras_reads"
    assert examples.describe(tf.data.Dataset.range(3)) == "_RangeDataset"
