"""Weights of classes: which are taken, and what a batch becomes with them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.training import class_weights


def test_keys_of_numpy_become_plain_integers() -> None:
    found = class_weights.checked({np.int64(1): np.float32(2.0), np.int64(0): 1})
    assert found == {0: 1, 1: 2.0} and all(type(key) is int for key in found)
    assert class_weights.checked(None) is None
    assert class_weights.checked({}) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1.0, 2.0], "class_weight is a list of float"),
        ("balanced", "class_weight is a str"),
        (np.ones(3), "class_weight is a ndarray"),
        ({"cat": 1.0}, "has the class 'cat'"),
        ({0.0: 1.0}, "has the class 0.0"),
        ({1: 1.0, 2: 1.0}, r"has the classes \[1, 2\]"),
        ({0: "1.0"}, "gives class 0 the weight '1.0'"),
        ({0: 1.0, 1: float("nan")}, "gives class 1 the weight nan"),
        ({0: [1.0, 2.0]}, "gives class 0 the weight"),
    ],
)
def test_others_are_refused_in_one_line(given, said: str) -> None:
    with pytest.raises(LotteryError, match=f"{said}.*give a dict") as error:
        class_weights.checked(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1, 1]),
        np.array([[0], [1]]),
        np.array([0.4, 1.4]),  # Keras rounds
        np.eye(2)[[1, 0]],
        np.array([True, False]),
        tf.constant([1, 0]),
        None,
    ],
)
def test_labels_that_have_a_weight_pass(y) -> None:
    class_weights.check_labels({0: 1.0, 1: 2.0}, "the data", y)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (
            np.array([0, 2]),
            "from 0 to 2, and class_weight has the classes 0 to 1",
        ),
        (np.array([[-1], [1]]), "labels from -1 to 1"),
        (np.eye(3), "labels from 0 to 2"),
        ({"a": np.zeros(3)}, "a single output"),
    ],
)
def test_labels_without_a_weight_are_refused(y, said: str) -> None:
    with pytest.raises(LotteryError, match=said):
        class_weights.check_labels({0: 1.0, 1: 2.0}, "the data", y)
    class_weights.check_labels(None, "the data", y)


def test_batches_get_the_weights_of_their_labels() -> None:
    x, y, weight = np.zeros((3, 1)), np.array([2, 0, 1]), np.array([1.0, 2.0, 3.0])
    batches = [(x, y, weight), (x, y)]
    found = list(class_weights.weighted(batches, {0: 1.0, 1: 5.0, 2: 0.5}))
    assert found[0][2].numpy().tolist() == [0.5, 2.0, 15.0]
    assert found[1][2].numpy().tolist() == [0.5, 1.0, 5.0]
    assert class_weights.weighted(batches, None) is batches
