"""The arguments of `fit` that are the same for all data: one line each."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.training import arguments
from tests.support import small_search as small

X, Y = small.data()


def test_arguments_that_fit_does_not_take_are_named() -> None:
    arguments.check_passed_on({"workers": 2, "validation_freq": 3})
    with pytest.raises(LotteryError, match="fit does not take epoch, metrics"):
        arguments.check_passed_on({"metrics": 1, "epoch": 3})


def test_a_validation_split_holds_the_last_examples_back() -> None:
    weight = np.ones(45)
    x, y, w, held = arguments.split(X, Y, weight, None, 0.2)
    assert small.same_bits([x, y, w], [X[:36], Y[:36], weight[:36]])
    assert small.same_bits(held, [X[36:], Y[36:], weight[36:]])


@pytest.mark.parametrize("fraction", [1.0, -0.1, 2, 0.99, "0.2", [0.2]])
def test_a_validation_split_leaves_both_sides_some_examples(fraction) -> None:
    with pytest.raises(LotteryError, match="validation_split=.*(share|side)"):
        arguments.split(X, Y, None, None, fraction)


def test_a_validation_split_cuts_lists_and_ragged_tensors_as_arrays() -> None:
    ragged = tf.RaggedTensor.from_row_lengths(np.arange(10), [1, 2, 3, 4])
    x, y, _, held = arguments.split(ragged, np.arange(4), None, None, 0.25)
    assert x.to_list() == [[0], [1, 2], [3, 4, 5]] and y.tolist() == [0, 1, 2]
    assert held[0].to_list() == [[6, 7, 8, 9]] and held[1].tolist() == [3]
    x, y, _, held = arguments.split([[1.0], [2.0]], [3, 4], None, None, 0.5)
    assert (x.tolist(), y.tolist()) == ([[1.0]], [3])
    assert (held[0].tolist(), held[1].tolist()) == ([[2.0]], [4])


@pytest.mark.parametrize("name", ["validation_steps", "validation_batch_size"])
def test_counts_that_are_handed_on_are_checked_too(name: str) -> None:
    arguments.check_passed_on({name: None})
    for value in ("4", 0, 2.5):
        with pytest.raises(LotteryError, match=f"{name}={value!r}"):
            arguments.check_passed_on({name: value})


@pytest.mark.parametrize(
    "name", ["epochs", "batch_size", "steps_per_epoch", "evaluate_every"]
)
def test_counts_given_as_text_are_refused(name: str) -> None:
    given = {
        "epochs": 2,
        "initial_epoch": 0,
        "batch_size": None,
        "steps_per_epoch": np.int64(3),
        "evaluate_every": None,
    }
    arguments.check_counts(**given)
    with pytest.raises(LotteryError, match=f"{name}='4'"):
        arguments.check_counts(**{**given, name: "4"})


def test_text_for_shuffle_counts_as_yes_for_batch_alone() -> None:
    for value in (True, False, "batch"):
        arguments.check_shuffle(value)
    with pytest.raises(LotteryError, match="shuffle='no'"):
        arguments.check_shuffle("no")
