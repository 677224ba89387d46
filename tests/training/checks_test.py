"""Bad arguments and data: one line each, before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras import errors
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import checks
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def model(loss="sparse_categorical_crossentropy") -> keras.Model:
    return small.compiled(loss=loss, metrics=[])


@pytest.mark.parametrize("value", [-1, 2.5, "3", None])
def test_counts_are_whole_numbers_in_their_range(value) -> None:
    assert errors.check_count("levels", np.int64(3), 0, "rounds") == 3
    with pytest.raises(LotteryError, match=r"levels=.*give rounds, 0 or more"):
        errors.check_count("levels", value, 0, "rounds")


def test_arguments_that_fit_does_not_take_are_named() -> None:
    checks.check_fit_arguments({"workers": 2, "validation_freq": 3})
    with pytest.raises(LotteryError, match="fit does not take epoch, metrics"):
        checks.check_fit_arguments({"metrics": 1, "epoch": 3})


def test_a_validation_split_holds_the_last_examples_back() -> None:
    weight = np.ones(45)
    x, y, w, held = checks.split(X, Y, weight, None, 0.2)
    assert small.same_bits([x, y, w], [X[:36], Y[:36], weight[:36]])
    assert small.same_bits(held, [X[36:], Y[36:], weight[36:]])


@pytest.mark.parametrize("fraction", [1.0, -0.1, 2, 0.99])
def test_a_validation_split_leaves_both_sides_some_examples(fraction) -> None:
    with pytest.raises(LotteryError, match=f"validation_split={fraction}"):
        checks.split(X, Y, None, None, fraction)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X, Y + 1, "labels from 1 to 3.*has 3 classes.*0 to 2"),
        (X, Y - 1, "labels from -1 to 1"),
        (X, np.eye(3)[Y], r"labels of shape \(3,\)"),
        (X[:, :4], Y, r"examples of shape \(4,\), the model takes \(6,\)"),
        (X.reshape(-1, 3, 2), Y, r"examples of shape \(3, 2\)"),
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
