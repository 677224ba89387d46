"""Bad arguments and data: one line each, before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import checks
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def model(loss="sparse_categorical_crossentropy") -> keras.Model:
    return small.compiled(loss=loss, metrics=[])


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X, Y + 1, "labels from 1 to 3.*has 3 classes.*0 to 2"),
        (X, Y - 1, "labels from -1 to 1"),
        (X, np.eye(3)[Y], r"labels of shape \(3,\)"),
        (X[:, :4], Y, r"examples of shape \(4,\), the model takes \(6,\)"),
        (X.reshape(-1, 3, 2), Y, r"examples of shape \(3, 2\)"),
        (X, Y + 0.5, "labels such as .*5, and the sparse loss takes whole numbers"),
        (X, np.where(Y > 1, np.nan, Y), "labels such as nan"),
    ],
)
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", SPARSE])
def test_data_that_do_not_fit_the_model_are_refused(x, y, said, loss) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        checks.check_data(model(loss), "the training data", x, y)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("loss", "x", "y"),
    [
        (SPARSE, X, Y),
        (SPARSE, X, Y[:, None]),
        (SPARSE, X, Y.astype(np.float32)),
        ("categorical_crossentropy", X, np.eye(3)[Y]),
        ("mse", X, np.eye(3)[Y]),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=-1), X, Y - 1),
        ("mse", {"a": X}, Y),
    ],
)
def test_data_that_fit_pass(loss, x, y) -> None:
    checks.check_data(model(loss), "the training data", x, y)


def test_whole_numbers_for_one_hot_labels_are_refused() -> None:
    with pytest.raises(LotteryError, match="one-hot labels.*the sparse loss"):
        checks.check_data(model("categorical_crossentropy"), "x", X, Y)


def test_a_model_may_take_more_than_the_shape_it_was_declared_with() -> None:
    plain = keras.Sequential([layers.Conv1D(3, 2)])
    plain.compile("sgd", "mse")
    plain(np.zeros((4, 6, 1), np.float32))
    checks.check_data(plain, "the training data", np.zeros((4, 9, 1), np.float32), None)


def several() -> keras.Model:
    inputs = keras.Input((6,))
    outputs = {
        "a": layers.Dense(3, name="a")(inputs),
        "b": layers.Dense(2, name="b")(inputs),
    }
    one = keras.Model(inputs, outputs)
    one.compile("sgd", {"a": SPARSE, "b": "mse"})
    return one


def test_each_of_several_outputs_is_checked_against_its_loss() -> None:
    checks.check_data(several(), "the data", X, {"a": Y, "b": X[:, :2]})
    checks.check_data(several(), "the data", X, {"b": X[:, :2]})
    for y in (Y + 1, Y + 0.5):
        with pytest.raises(LotteryError, match="the data: y has labels"):
            checks.check_data(several(), "the data", X, {"a": y, "b": X[:, :2]})


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X.astype(np.complex64), Y, "x holds complex numbers .complex64."),
        ({"a": X, "b": X + 1j}, Y, "x holds complex numbers .complex64."),
        (tf.TensorSpec((None, 6), tf.complex64), None, "x holds complex numbers"),
        (X, Y + 1j, "y holds complex numbers"),
        (X, Y.astype(str), "y holds text.*np.unique"),
        (X, np.array(["a", None], object), "y holds text"),
        (X, tf.TensorSpec((None,), tf.string), "y holds text"),
    ],
)
def test_kinds_that_keras_casts_without_a_word_are_refused(x, y, said: str) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        checks.check_kinds(model(), "the data", x, y)
    assert "\n" not in str(error.value)


def test_kinds_that_a_model_asks_for_pass() -> None:
    checks.check_kinds(model(), "the data", X.astype(str), Y)  # text as inputs
    checks.check_kinds(model(), "the data", X.astype(np.float64), Y.astype(np.uint8))
    own = model(lambda y, output: output)
    checks.check_kinds(own, "the data", X, Y.astype(str))  # a loss may look it up
    inputs = keras.Input((6,), dtype=tf.complex64)
    waves = keras.Model(inputs, layers.Dense(3)(tf.abs(inputs)))
    waves.compile("sgd", "mse")
    checks.check_kinds(waves, "the data", X.astype(np.complex64), Y)


def test_a_batch_is_tried_and_leaves_no_trace() -> None:
    one = small.compiled()
    before = small.values(one)
    checks.try_batch(one, (X[:5], Y[:5]))
    assert small.same_bits(small.values(one), before)
    assert [float(m.result()) for m in one.metrics] == [0.0, 0.0]
    with pytest.raises(LotteryError, match="do not fit the model.*shapes") as error:
        checks.try_batch(model("mse"), (X, np.zeros((45, 7), np.float32)))
    assert "\n" not in str(error.value)
    with pytest.raises(LotteryError, match="have no targets"):
        checks.try_batch(one, (X,))
