"""Scores that are computed in pieces, beside the scores of all entries and a sort."""

import tracemalloc

import ml_dtypes
import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import criteria, ranking, thresholds
from lth_keras.pruning.criteria import registry as registered
from lth_keras.pruning.pieces import Pieces
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values

SHAPES = [(500, 400), (3, 3, 64, 200), (7,), (0, 5), (100, 100)]
ELEMENTWISE = [name for name in criteria.names() if criteria.of(name).elementwise]
KINDS = {
    "float32": np.float32,
    "float16": np.float16,
    "float64": np.float64,
    "bfloat16": ml_dtypes.bfloat16,
}


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(
        registered.REGISTRY, "entries", dict(registered.REGISTRY.entries)
    )


def drawn(seed, dtype=np.float32, ties=False):
    rng = np.random.default_rng(seed)
    found = [rng.standard_normal(shape, np.float32) for shape in SHAPES]
    if ties:
        found = [np.round(array * 4) / 4 for array in found]
    return [array.astype(dtype) for array in found]


def some_masks():
    rng = np.random.default_rng(9)
    found = [rng.random(shape) < 0.95 for shape in SHAPES]
    found[4][:] = False  # fully pruned
    return found


def by_sorting(scores, masks, keep):
    """Highest first; ties go to the earlier tensor, then to the lower index."""
    flat = np.concatenate([s.ravel() for s in scores]).astype(np.float64)
    alive = np.concatenate([m.ravel() for m in masks])
    order = np.lexsort((np.arange(flat.size), -np.where(alive, flat, -np.inf)))
    order = order[alive[order]]
    kept = np.zeros(flat.size, bool)
    kept[order[:keep]] = True
    ends = np.cumsum([m.size for m in masks])[:-1]
    return [
        k.reshape(m.shape) for k, m in zip(np.split(kept, ends), masks, strict=True)
    ]


def test_criteria_of_the_weights_alone_are_elementwise_but_for_scaled_and_drawn_ones():
    assert {"magnitude", "movement", "movement_pruning_same_sign"} <= set(ELEMENTWISE)
    others = {"random", "large_init_large_final", "snip"}
    assert not others & set(ELEMENTWISE)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_pieces_have_the_bits_of_the_whole(name):
    initial, trained = drawn(1), drawn(2)
    rng = np.random.default_rng(0)
    found = Recipe(name).scores(Values(trained, initial), rng)
    for score, start, weight in zip(found, initial, trained, strict=True):
        whole = np.asarray(criteria.get(name)(start, weight, rng))
        assert (score.dtype, score.shape) == (whole.dtype, whole.shape)
        assert score.tobytes() == whole.tobytes()


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_round_is_that_of_a_stable_sort(kind, ties, scope):
    trained, masks = drawn(3, KINDS[kind], ties), some_masks()
    # What is pruned is never ranked, whatever it is.
    for weight, mask in zip(trained, masks, strict=True):
        weight[~mask] = np.nan
    recipe = Recipe(scope=scope, rates=(0.2,) * len(trained))
    scores = recipe.scores_one_by_one(Values(trained), np.random.default_rng(0))
    assert all(isinstance(score, Pieces) for score in scores)
    found = recipe.shrink(scores, masks)
    left = [int(mask.sum()) for mask in masks]
    sizes = [np.abs(weight.astype(np.float64)) for weight in trained]
    if scope == "global":
        keep = sum(left) - round(0.2 * sum(left))
        expected = by_sorting(sizes, masks, keep)
    else:
        expected = [
            by_sorting([size], [mask], n - round(0.2 * n))[0]
            for size, mask, n in zip(sizes, masks, left, strict=True)
        ]
    for mask, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mask, wanted)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_tensors_of_several_dtypes_are_ranked_as_one(scope):
    trained = [w.astype(d) for w, d in zip(drawn(4), KINDS.values(), strict=False)]
    recipe = Recipe(scope=scope, rates=(0.3,) * len(trained))
    masks = some_masks()[: len(trained)]
    rng = np.random.default_rng(0)
    by_pieces = recipe.shrink(recipe.scores_one_by_one(Values(trained), rng), masks)
    at_once = recipe.shrink([np.abs(weight) for weight in trained], masks)
    for one, other in zip(by_pieces, at_once, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("position", [0, thresholds.CHUNK, 199_999])
def test_nan_among_survivors_is_an_error_and_masks_stay(position):
    trained, masks = drawn(5), [np.ones(shape, bool) for shape in SHAPES]
    trained[0].reshape(-1)[position] = np.nan
    recipe = Recipe(scope="global", rates=(0.2,) * len(trained))
    scores = recipe.scores_one_by_one(Values(trained), np.random.default_rng(0))
    with pytest.raises(LotteryError, match="a score is NaN"):
        recipe.shrink(scores, masks, in_place=True)
    assert all(mask.all() for mask in masks)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_masks_in_place_are_the_masks_beside(scope):
    trained, masks = drawn(6, ties=True), some_masks()
    recipe = Recipe(scope=scope, rates=(0.2,) * len(trained))
    rng = np.random.default_rng(0)
    before = [mask.copy() for mask in masks]
    beside = recipe.shrink(recipe.scores_one_by_one(Values(trained), rng), masks)
    for mask, same in zip(masks, before, strict=True):
        np.testing.assert_array_equal(mask, same)
    scores = recipe.scores_one_by_one(Values(trained), rng)
    found = recipe.shrink(scores, masks, in_place=True)
    for mask, wanted in zip(found, beside, strict=True):
        np.testing.assert_array_equal(mask, wanted)


def test_global_ranking_holds_neither_scores_nor_another_mask():
    rng = np.random.default_rng(7)
    trained = [rng.standard_normal(1 << 20, np.float32) for _ in range(8)]
    masks = [np.ones(weight.shape, bool) for weight in trained]
    keep = round(0.8 * 8 * (1 << 20))
    scores = Recipe().scores_one_by_one(Values(trained), rng)
    tracemalloc.start()
    try:
        ranking.shrink_together(scores, masks, keep, in_place=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * 8 * (1 << 20)  # bytes a weight


def test_what_an_elementwise_criterion_may_not_be_is_said(registry):
    with pytest.raises(LotteryError, match="elementwise=True is for criteria"):
        criteria.register("w", whole=True, elementwise=True)
    with pytest.raises(LotteryError, match="elementwise=True is for criteria"):
        criteria.register("g", needs=("gradients",), elementwise=True)


def test_scores_of_another_shape_are_refused(registry):
    criteria.register("sum", needs=(), elementwise=True)(lambda i, w, rng: np.sum(w))
    with pytest.raises(LotteryError, match="'sum' returned scores of shape"):
        Recipe("sum").scores(Values(drawn(8)), np.random.default_rng(0))
