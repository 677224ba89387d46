"""Keep-counts, ties, and masks that only shrink, against a naive sort."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import counts, masks, ranking


def everything(*shape: int) -> np.ndarray:
    return np.ones(shape, bool)


def naive(scores: np.ndarray, mask: np.ndarray, keep: int) -> np.ndarray:
    """Sorts (descending score, ascending index) in Python and keeps the first."""
    survivors = [i for i in range(mask.size) if mask.flat[i]]
    survivors.sort(key=lambda i: (-float(scores.flat[i]), i))
    result = np.zeros(mask.size, bool)
    result[survivors[:keep]] = True
    return result.reshape(mask.shape)


@pytest.mark.parametrize(
    ("surviving", "rate", "kept"),
    [
        (10, 0.2, 8),
        (5, 0.5, 3),  # round(2.5) is 2
        (7, 0.5, 3),  # round(3.5) is 4
        (1, 0.2, 1),
        (1, 0.6, 0),
        (2, 0.2, 2),
        (3, 0.2, 2),
        (0, 0.2, 0),
        (235_200, 0.2, 188_160),
        (102_760_448, 0.2, 82_208_358),
        # float32 cannot hold the share, 10,276,044.5.
        (102_760_445, 0.1, 92_484_401),
    ],
)
def test_a_round_keeps_n_minus_round_of_rate_times_n(surviving, rate, kept):
    assert counts.keep_count(surviving, rate) == kept
    assert counts.keep_count(surviving, np.float64(rate)) == kept


def test_the_highest_scores_stay():
    scores = np.array([[0.1, 0.9], [0.4, 0.3]])
    expected = [[False, True], [True, False]]
    assert ranking.shrink(scores, everything(2, 2), 2).tolist() == expected


def test_equal_scores_are_kept_from_the_lower_index():
    kept = ranking.shrink(np.array([2.0, 1.0, 1.0, 1.0, 3.0]), everything(5), 3)
    assert kept.tolist() == [True, True, False, False, True]


def test_a_constant_tensor_loses_exactly_its_share():
    kept = ranking.shrink(np.full((4, 5), 0.5), everything(4, 5), 16)
    assert kept.reshape(-1).tolist() == [True] * 16 + [False] * 4


def test_a_ternary_tensor_loses_exactly_its_share():
    values = np.array([-1.0, 0, 1, 0, -1, 0, 1, 1, 0, -1])
    kept = ranking.shrink(np.abs(values), everything(10), 5)
    # The first five of the six ones by index.
    assert np.flatnonzero(kept).tolist() == [0, 2, 4, 6, 7]


def test_a_tensor_of_zeros_is_pruned_all_the_same():
    assert ranking.shrink(np.zeros(5), everything(5), 4).sum() == 4


def test_a_pruned_weight_stays_pruned_whatever_its_value():
    mask = np.array([False, True, True, True])
    kept = ranking.shrink(np.array([9.0, 0.1, 0.2, 0.3]), mask, 2)
    assert kept.tolist() == [False, False, True, True]


def test_a_surviving_weight_of_value_zero_counts_as_surviving():
    # 80 % zeros at a rate of a half: five of ten stay, and no more come back.
    values = np.array([0.0] * 8 + [1.0, 2.0])
    kept = ranking.shrink(values, everything(10), counts.keep_count(10, 0.5))
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 8, 9]


def test_a_pruned_score_of_nan_does_no_harm():
    mask = np.array([False, True, True])
    kept = ranking.shrink(np.array([np.nan, 1.0, 2.0]), mask, 1)
    assert kept.tolist() == [False, False, True]


@pytest.mark.parametrize("position", range(4))
def test_a_surviving_score_of_nan_is_an_error(position):
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    scores[position] = np.nan
    with pytest.raises(LotteryError, match="a score is NaN"):
        ranking.shrink(scores, everything(4), 2)


def test_an_infinite_score_ranks_highest():
    kept = ranking.shrink(np.array([1.0, np.inf, 2.0, -np.inf]), everything(4), 2)
    assert kept.tolist() == [False, True, True, False]


@pytest.mark.parametrize("keep", [-1, 3])
def test_keeping_more_or_less_than_there_is_is_an_error(keep):
    with pytest.raises(LotteryError, match=f"cannot keep {keep} of 2"):
        ranking.shrink(np.zeros(3), np.array([True, False, True]), keep)


@pytest.mark.parametrize("keep", [0, 1])
def test_the_smallest_tensors_can_be_ranked(keep):
    assert ranking.shrink(np.array(3.0), np.array(True), keep).sum() == keep
    assert ranking.shrink(np.array([[3.0]]), everything(1, 1), keep).sum() == keep


def test_an_empty_tensor_stays_empty():
    assert ranking.shrink(np.zeros((0, 3)), everything(0, 3), 0).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float16", "float64", ml_dtypes.bfloat16, "int8"])
def test_every_number_type_is_ranked(dtype):
    scores = np.array([3, 1, 2, 1]).astype(dtype)
    assert ranking.shrink(scores, everything(4), 3).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_large_integer_scores_are_not_rounded():
    scores = np.array([2**24, 2**24 + 1])
    assert ranking.shrink(scores, everything(2), 1).tolist() == [False, True]


def test_the_inputs_are_left_alone():
    scores, mask = np.array([1.0, 2.0, 3.0]), everything(3)
    ranking.shrink(scores, mask, 1)
    assert scores.tolist() == [1, 2, 3] and mask.all()


@pytest.mark.parametrize("seed", range(30))
def test_ranking_agrees_with_a_naive_sort_over_many_rounds(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, rng.integers(1, 4)))
    mask = np.ones(shape, bool)
    rate = rng.uniform(0.05, 0.95)
    for _ in range(6):
        # Few distinct values, so that most rounds decide among ties.
        scores = rng.integers(0, rng.integers(1, 6), shape) / 4
        keep = int(mask.sum()) - round(rate * int(mask.sum()))
        shrunk = ranking.shrink(scores, mask, keep)
        np.testing.assert_array_equal(shrunk, naive(scores, mask, keep))
        assert shrunk.sum() == keep
        assert not np.any(shrunk & ~mask)
        mask = shrunk


@pytest.mark.parametrize("seed", range(10))
def test_ranking_together_agrees_with_a_naive_sort_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    shapes = [(3, 2), (4,), (1, 1, 2), (2, 2)]
    scores = [rng.integers(0, 4, s).astype("float32") for s in shapes]
    present = [rng.random(s) < 0.8 for s in shapes]
    flat_mask = np.concatenate([m.reshape(-1) for m in present])
    keep = counts.keep_count(int(flat_mask.sum()), 0.4)
    expected = naive(np.concatenate([s.reshape(-1) for s in scores]), flat_mask, keep)
    found = ranking.shrink_together(scores, present, keep)
    assert [m.shape for m in found] == shapes
    np.testing.assert_array_equal(np.concatenate([m.ravel() for m in found]), expected)


def test_ties_across_weights_go_to_the_earlier_weight():
    first, second = ranking.shrink_together(
        [np.array([1.0, 2.0]), np.array([1.0, 1.0])], [everything(2)] * 2, 3
    )
    assert first.tolist() == [True, True] and second.tolist() == [True, False]


def test_weights_of_different_types_can_be_ranked_together():
    found = ranking.shrink_together(
        [np.array([1, 4]).astype(ml_dtypes.bfloat16), np.float32([2, 3])],
        [everything(2)] * 2,
        2,
    )
    assert [m.tolist() for m in found] == [[False, True], [False, True]]


def test_density_is_the_share_over_all_masks():
    assert masks.density([np.array([True, False]), everything(2)]) == 0.75
    assert masks.density([]) == 1.0


def test_overlap_is_the_share_of_the_first_that_the_second_keeps():
    first = np.array([True, True, True, True, False])
    second = np.array([True, False, False, False, True])
    assert masks.overlap(first, second) == 0.25
    assert masks.overlap(second, first) == 0.5
    assert masks.overlap(np.zeros(2, bool), everything(2)) == 1.0


@pytest.mark.parametrize("dtype", ["float32", "float16", ml_dtypes.bfloat16])
def test_applying_a_mask_leaves_a_positive_zero(dtype):
    weights = np.array([-1.0, np.nan, -np.inf, 2.0]).astype(dtype)
    applied = masks.apply(weights, np.array([False, False, False, True]))
    assert applied.dtype == weights.dtype
    assert applied.astype("float32").tolist() == [0, 0, 0, 2]
    assert not np.signbit(applied.astype("float32")).any()
