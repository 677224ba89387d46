"""Batches of NumPy arrays are those that TensorFlow's pipeline makes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lth_keras.training.batches import batches
from lth_keras.training.numpy_batches import numpy_batches

X = np.arange(46, dtype="float32").reshape(23, 2)
Y = np.arange(23)


@pytest.mark.parametrize(("start", "shuffle"), [(0, True), (4, True), (7, False)])
def test_they_come_in_the_same_order_from_any_step_on(start, shuffle) -> None:
    given = {"seed": 3, "level": 2, "start": start, "shuffle": shuffle}
    expected = batches(({"a": X}, Y), 5, **given).take(9).as_numpy_iterator()
    found = itertools.islice(numpy_batches(({"a": X}, Y), 5, **given), 9)
    for (x, y), (wanted_x, wanted_y) in zip(found, expected, strict=True):
        assert np.array_equal(x["a"], wanted_x["a"])
        assert np.array_equal(y, wanted_y)
    # Every epoch is a permutation: 5 batches of it.
    epoch = itertools.islice(numpy_batches((X, Y), 5, seed=3), 5)
    assert sorted(np.concatenate([y for _, y in epoch])) == list(range(23))
