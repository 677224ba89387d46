"""Uniform numbers by seed, step and position: as NumPy has them, and even."""

from __future__ import annotations

import numpy as np

from lth_keras.masking import draws

import tensorflow as tf  # isort: skip

SHAPE = (200, 50)


def drawn(seed: int, step: int) -> np.ndarray:
    return draws.uniform(SHAPE, seed, tf.constant(step, tf.int64)).numpy()


def mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> np.uint32(15))) * np.uint32(0x846CA68B)
    return bits ^ (bits >> np.uint32(16))


def by_numpy(seed: int, step: int) -> np.ndarray:
    golden = np.uint32(0x9E3779B1)
    own = np.array([seed % 2**32], np.uint32) * np.uint32(0x85EBCA77) + golden
    key = mixed(np.array([step % 2**32], np.uint32) * golden + mixed(own))
    position = np.arange(np.prod(SHAPE), dtype=np.uint32)
    bits = mixed(mixed(position * golden + key) ^ key)
    return ((bits >> np.uint32(8)) * np.float32(2**-24)).astype("f4").reshape(SHAPE)


def test_they_are_what_numpy_makes_of_the_same_bits():
    for seed, step in ((0, 0), (3, 7), (2**40 + 5, 2**33)):
        assert drawn(seed, step).tobytes() == by_numpy(seed, step).tobytes()


def test_they_are_even_and_do_not_depend_on_each_other():
    found = np.stack([drawn(0, step) for step in range(40)])
    assert found.min() >= 0 and found.max() < 1
    counts, _ = np.histogram(found, bins=50, range=(0, 1))
    expected = found.size / 50
    # The sum is of chi-squared kind, with 49 degrees of freedom.
    assert np.sum((counts - expected) ** 2) / expected < 95
    flat = found.reshape(40, -1)
    limit = 5 / np.sqrt(flat[1:].size)
    for one, other in (
        (flat[1:], flat[:-1]),  # the same place a step later
        (flat[:, 1:], flat[:, :-1]),  # its neighbours in the same step
        (flat[:, 50:], flat[:, :-50]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < limit
    other = np.stack([drawn(1, step) for step in range(40)]).reshape(40, -1)
    assert abs(np.corrcoef(flat.ravel(), other.ravel())[0, 1]) < limit
