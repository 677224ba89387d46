"""The top share inside a train step is what sorting gives, ties by index."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.masking.selection import HINT, top_share

import tensorflow as tf  # isort: skip

SHAPE, KEEP = (30, 41), 400
RNG = np.random.default_rng(0)
SCORES = {
    "normal": RNG.normal(size=SHAPE),
    "heavy": RNG.standard_cauchy(SHAPE),
    "few values": RNG.integers(-2, 3, SHAPE),
    "mostly zeros": RNG.normal(size=SHAPE) * (RNG.random(SHAPE) < 0.1),
    "all equal": np.full(SHAPE, -0.5),
    "all zeros": np.zeros(SHAPE),
    "tiny": RNG.normal(size=SHAPE) * 1e-38,
    "one huge": np.where(np.arange(1230).reshape(SHAPE) == 7, 3e38, 1e-3),
}


def by_sorting(scores: np.ndarray, keep: int) -> np.ndarray:
    flat = np.abs(scores.astype(np.float32)).reshape(-1).tolist()
    order = sorted(range(len(flat)), key=lambda i: (-flat[i], i))
    found = np.zeros(len(flat), bool)
    found[order[:keep]] = True
    return found.reshape(scores.shape)


@pytest.mark.parametrize("name", SCORES)
def test_exactly_the_largest_are_marked_whatever_their_distribution(name):
    scores = tf.constant(SCORES[name], tf.float32)
    kept, hint = top_share(scores, KEEP)
    assert np.array_equal(kept, by_sorting(SCORES[name], KEEP))
    # From its own hint the same again.
    assert np.array_equal(top_share(scores, KEEP, hint)[0], kept)


@pytest.mark.parametrize(
    "hint", [(1e30, 1e-3), (0.0, 1e30), (0.7, 1e-30), (3.0, 5.0), (-2.0, 7.0)]
)
def test_a_wrong_hint_changes_nothing(hint):
    scores = SCORES["normal"]
    kept, found = top_share(tf.constant(scores, tf.float32), KEEP, tf.constant(hint))
    assert np.array_equal(kept, by_sorting(scores, KEEP))
    assert found.shape == (HINT,) and np.isfinite(found).all()


def test_all_or_one_can_be_kept():
    scores = tf.constant([[0.5, -3.0], [3.0, 0.0]])
    assert np.array_equal(top_share(scores, 4)[0], np.ones((2, 2), bool))
    assert np.array_equal(top_share(scores, 1)[0], [[False, True], [False, False]])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.5, 0.9999])
def test_large_tensors_are_searched_exactly_too(share):
    scores = np.random.default_rng(1).normal(size=(784, 300)).astype(np.float32)
    hint = None
    for _ in range(3):
        keep = round(share * scores.size)
        kept, hint = top_share(tf.constant(scores), keep, hint)
        assert np.array_equal(kept, by_sorting(scores, keep))
        scores = scores * 0.99 + 0.001
