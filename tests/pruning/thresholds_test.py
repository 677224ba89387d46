"""Ranking of many weights, by a sample and counts, beside a stable sort of all."""

import tracemalloc

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import ranking, thresholds

SIZE = 300_001


def by_sorting(scores, mask, keep):
    """Highest first, ties by index; -0.0 and 0.0 are equal, as numbers are."""
    flat = np.asarray(scores).ravel()
    order = np.lexsort((np.arange(flat.size), -flat.astype(np.float64)))
    order = order[mask.ravel()[order]]
    kept = np.zeros(flat.size, bool)
    kept[order[:keep]] = True
    return kept.reshape(mask.shape)


def normal(rng):
    return rng.standard_normal(SIZE, np.float32)


def sparse(rng):
    return np.where(rng.random(SIZE) < 0.7, 0, normal(rng)).astype(np.float32)


def with_ends(rng):
    values = normal(rng)
    values[rng.integers(0, SIZE, 40_000)] = np.inf
    values[rng.integers(0, SIZE, 40_000)] = -np.inf
    return values


ADVERSARIES = {
    "magnitudes": lambda rng: np.abs(normal(rng)),
    "both signs": normal,
    "in order": lambda rng: np.sort(normal(rng)),
    "backwards": lambda rng: np.sort(normal(rng))[::-1],
    "constant": lambda rng: np.full(SIZE, 0.25, np.float32),
    "two values": lambda rng: rng.integers(0, 2, SIZE).astype(np.float32),
    "few values": lambda rng: rng.integers(0, 50, SIZE) / np.float32(8),
    "mostly zeros": sparse,
    "zeros of both signs": lambda rng: np.copysign(np.float32(0), normal(rng)),
    "zeros of both signs among others": lambda rng: np.where(
        rng.random(SIZE) < 0.5, np.copysign(np.float32(0), normal(rng)), normal(rng)
    ),
    "denormals": lambda rng: rng.integers(0, 2**20, SIZE, np.uint32).view(np.float32),
    "infinities": with_ends,
    "every float there is": lambda rng: np.nan_to_num(
        rng.integers(0, 2**32, SIZE, np.uint32).view(np.float32), posinf=1, neginf=-1
    ),
    # What the sample sees, every so many entries, says nothing of the others.
    "a comb": lambda rng: np.where(np.arange(SIZE) % 11 == 0, 9, normal(rng)),
    "one block above the rest": lambda rng: np.where(
        np.arange(SIZE) < 9000, 100, normal(rng)
    ).astype(np.float32),
    "doubles a hair apart": lambda rng: 1 + rng.integers(0, 2000, SIZE) * 2.0**-52,
    "integers": lambda rng: rng.integers(-9, 9, SIZE),
    "halves": lambda rng: normal(rng).astype(np.float16),
}


@pytest.mark.parametrize("name", ADVERSARIES)
def test_many_weights_are_ranked_as_a_stable_sort_ranks_them(name):
    rng = np.random.default_rng(len(name))
    scores, mask = ADVERSARIES[name](rng), np.ones(SIZE, bool)
    for share in (0.8, 0.5, 0.03):
        keep = round(share * SIZE)
        found = ranking.shrink(scores, mask, keep)
        np.testing.assert_array_equal(found, by_sorting(scores, mask, keep))


@pytest.mark.parametrize("name", ["magnitudes", "few values", "mostly zeros"])
def test_many_weights_are_ranked_beside_pruned_ones_of_any_value(name):
    rng = np.random.default_rng(1)
    scores = ADVERSARIES[name](rng)
    mask = rng.random(SIZE) < 0.95
    with_nan = np.where(mask, scores, np.float32(np.nan))
    for keep in (1, 9, SIZE // 2, int(mask.sum()) - 1):
        found = ranking.shrink(with_nan, mask, keep)
        np.testing.assert_array_equal(found, by_sorting(scores, mask, keep))


def test_many_weights_of_several_tensors_are_ranked_as_one():
    rng = np.random.default_rng(2)
    shapes = [(500, 400), (3, 3, 64, 200), (7,), (0, 5), (100, 100)]
    scores = [rng.integers(0, 9999, s) / np.float32(77) for s in shapes]
    masks = [rng.random(s) < 0.95 for s in shapes]
    flat = np.concatenate([m.ravel() for m in masks])
    expected = by_sorting(np.concatenate([s.ravel() for s in scores]), flat, 200_000)
    found = ranking.shrink_together(scores, masks, 200_000)
    assert [m.shape for m in found] == shapes
    np.testing.assert_array_equal(np.concatenate([m.ravel() for m in found]), expected)


@pytest.mark.parametrize("position", [0, 1, 777, SIZE - 1])
def test_one_nan_among_many_weights_is_an_error_wherever_it_is(position):
    scores = normal(np.random.default_rng(3))
    scores[position] = np.nan
    with pytest.raises(LotteryError, match="a score is NaN"):
        ranking.shrink(scores, np.ones(SIZE, bool), SIZE // 2)


def test_nan_where_everything_is_pruned_is_no_score():
    rng = np.random.default_rng(0)
    scores, mask = normal(rng), np.ones(SIZE, bool)
    scores[: thresholds.CHUNK], mask[: thresholds.CHUNK] = np.nan, False
    scores, mask = np.tile(scores, 2), np.tile(mask, 2)
    found = ranking.shrink(scores, mask, SIZE // 2)
    known = np.where(mask, scores, 0)
    np.testing.assert_array_equal(found, by_sorting(known, mask, SIZE // 2))


def test_survivors_that_the_sample_does_not_meet_are_ranked():
    rng = np.random.default_rng(0)
    # Of so many survivors it is every eleventh place: those of the pruned column.
    scores = rng.standard_normal((60_000, 11), np.float32)
    mask = np.ones(scores.shape, bool)
    mask[:, 0] = False
    found = ranking.shrink(scores, mask, 300_000)
    np.testing.assert_array_equal(found, by_sorting(scores, mask, 300_000))


def test_ranking_takes_no_copy_of_the_scores():
    rng = np.random.default_rng(4)
    scores = np.abs(rng.standard_normal(1 << 21, np.float32))
    mask = rng.random(scores.size) < 0.9
    tracemalloc.start()
    try:
        ranking.shrink(scores, mask, scores.size // 2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The new mask is one of them; a copy of the scores alone would be four.
    assert peak < 2 * scores.size


def test_a_sample_that_misleads_is_seen_through():
    """All that it sees is small: its bracket holds none of those that are kept."""
    step = (SIZE - 1) // thresholds._SAMPLE
    while not all(step % prime for prime in (2, 3, 5, 7)):
        step += 1
    scores = np.full(SIZE, 50, np.float32)
    scores[::step] = np.arange(scores[::step].size) / np.float32(1e6)
    mask = np.ones(SIZE, bool)
    found = ranking.shrink(scores, mask, 1000)
    np.testing.assert_array_equal(found, by_sorting(scores, mask, 1000))
