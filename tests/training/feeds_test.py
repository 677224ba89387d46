"""Training data by level, which can begin at any step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import batches, feeds
from tests.support import small_search as small

X, Y = small.data(23)


def taken(dataset, count: int) -> list[bytes]:
    return [
        small.bits(array)
        for batch in dataset.take(count).as_numpy_iterator()
        for array in tf.nest.flatten(batch)
    ]


def test_arrays_are_the_stream_of_their_seed_and_level_from_any_step() -> None:
    feed = feeds.Feed(X, Y, batch_size=5, seed=3)
    assert feed.steps_per_epoch == 5
    for level, start in [(0, 0), (2, 0), (2, 7)]:
        expected = batches.batches((X, Y), 5, seed=3, level=level).skip(start)
        assert taken(feed.dataset(level, start), 8) == taken(expected, 8)
    other = feed.dataset(2, 0, seed=4)
    assert taken(other, 8) == taken(batches.batches((X, Y), 5, seed=4, level=2), 8)


def test_arrays_without_shuffling_keep_their_order() -> None:
    feed = feeds.Feed(X, Y, batch_size=10, shuffle=False)
    x, y = next(feed.dataset(4).as_numpy_iterator())
    assert small.same_bits([x, y], [X[:10], Y[:10]])


def test_dicts_and_sample_weights_go_with_their_examples() -> None:
    weight = np.arange(23, dtype=np.float32)
    feed = feeds.Feed({"a": X, "b": X[:, :1]}, {"c": Y}, weight, 23)
    x, y, w = next(feed.dataset(0).as_numpy_iterator())
    order = w.astype(int)
    assert sorted(order) == list(range(23))
    assert small.same_bits([x["a"], x["b"], y["c"]], [X[order], X[order, :1], Y[order]])


def numbers(level: int, seed: int) -> tf.data.Dataset:
    begin = 100 * level + 1000 * seed
    return tf.data.Dataset.range(begin, begin + 4)


def test_a_function_is_asked_for_each_level_and_repeated() -> None:
    feed = feeds.Feed(numbers, seed=2)
    assert feed.steps_per_epoch == 4
    found = list(feed.dataset(3).take(6).as_numpy_iterator())
    assert found == [2300, 2301, 2302, 2303, 2300, 2301]
    found = list(feed.dataset(3, start=6).take(3).as_numpy_iterator())
    assert found == [2302, 2303, 2300]


def test_a_function_of_start_makes_the_skipped_steps_itself() -> None:
    starts = []

    def x(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
        starts.append(start)
        return numbers(level, seed).repeat().skip(start)

    feed = feeds.Feed(x, steps_per_epoch=4)
    assert list(feed.dataset(1, 5).take(2).as_numpy_iterator()) == [101, 102]
    assert starts == [0, 5]


def test_a_function_may_ask_for_start_without_a_default() -> None:
    def x(level: int, seed: int, start: int) -> tf.data.Dataset:
        return numbers(level, seed).repeat().skip(start)

    feed = feeds.Feed(x, steps_per_epoch=4)
    assert list(feed.dataset(1).take(2).as_numpy_iterator()) == [100, 101]
    assert list(feed.dataset(1, 2).take(2).as_numpy_iterator()) == [102, 103]


def test_a_function_of_start_must_not_end() -> None:
    def x(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
        return numbers(level, seed).skip(start)

    with pytest.raises(LotteryError, match="with an end"):
        feeds.Feed(x).dataset(1, 2)


def test_a_dataset_is_used_as_it_is() -> None:
    feed = feeds.Feed(tf.data.Dataset.range(3))
    assert feed.steps_per_epoch == 3
    assert list(feed.dataset(5, 4).take(4).as_numpy_iterator()) == [1, 2, 0, 1]


class Batches(keras.utils.Sequence):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int):
        return X[index * 5 : index * 5 + 5], Y[index * 5 : index * 5 + 5]


def test_a_sequence_passes_through_but_cannot_begin_in_the_middle() -> None:
    sequence = Batches()
    feed = feeds.Feed(sequence)
    assert feed.steps_per_epoch == 3
    assert feed.dataset(2) is sequence
    assert small.same_bits(feed.first_batch(), sequence[0])
    with pytest.raises(LotteryError, match="Batches cannot begin at iteration 2"):
        feed.check_start(2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": None}, "x=None"),
        ({"x": X, "y": Y[:5]}, r"\[23, 5\] examples"),
        ({"x": X, "y": list(Y)}, "np.asarray"),
        ({"x": X, "sample_weight": Y}, "without y"),
        ({"x": [X, [1, 2]], "y": Y}, "x is a list of ndarray"),
        ({"x": object(), "y": Y}, "x is a object: give arrays, a Dataset"),
        ({"x": X, "y": Y, "batch_size": "4"}, "batch_size='4'"),
        ({"x": X, "y": Y, "batch_size": 0}, "batch_size=0"),
        ({"x": X, "y": Y, "steps_per_epoch": 0}, "steps_per_epoch=0"),
        ({"x": tf.data.Dataset.range(3), "y": Y}, "go with arrays"),
        ({"x": tf.data.Dataset.range(3).repeat()}, "pass steps_per_epoch"),
        ({"x": tf.data.Dataset.range(0)}, "is empty"),
        ({"x": lambda level, seed: X}, "returned a ndarray"),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused(arguments, said: str) -> None:
    with pytest.raises(LotteryError, match=said):
        feeds.Feed(**arguments)


def test_every_level_has_batches_of_one_kind() -> None:
    def x(level: int, seed: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(X).batch(5 + level, True)

    feed = feeds.Feed(x)
    feed.dataset(0)
    with pytest.raises(LotteryError, match="batches of another kind"):
        feed.dataset(1)


class Callable(Batches):
    def __call__(self):
        raise AssertionError("a Sequence is indexed")


def test_a_sequence_may_be_callable_for_a_purpose_of_its_own() -> None:
    sequence = Callable()
    assert feeds.Feed(sequence).dataset(0) is sequence


def test_a_model_of_a_fixed_batch_size_gets_whole_batches_of_it() -> None:
    feed = feeds.Feed(X[:20], Y[:20], fixed=5)
    assert feed.dataset(0).element_spec[0].shape == (5, 6)
    assert feed.settings()["batch_size"] == 5
    with pytest.raises(LotteryError, match="23 examples .* batches of 5.*give 20"):
        feeds.Feed(X, Y, fixed=5)
    with pytest.raises(LotteryError, match="batch size of 4 .*pass batch_size=5"):
        feeds.Feed(X[:20], Y[:20], batch_size=4, fixed=5)
