"""Granularities of more than one weight: filters, 2:4, and a plug-in's mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity, ranking
from lth_keras.pruning.granularity import Granularity, Tensor
from lth_keras.pruning.groups import Group
from lth_keras.pruning.recipe import Recipe
from tests.support.small_recipes import (
    TRAINED,
    dense,
    kept_by_hand,
    shrunk,
)

pytestmark = pytest.mark.usefixtures("own_names")


class Row(Granularity):
    def pool(self, tensor, scores, mask):
        return np.where(mask, scores, 0).sum(axis=1)

    def units(self, tensor, mask):
        return mask.any(axis=1)

    def spread(self, tensor, kept, mask):
        return kept[:, np.newaxis]


class Filter(Granularity):
    """All weights of one output, in whichever axis the layer counts these."""

    def axes(self, tensor):
        if tensor.kind == "DepthwiseConv2D":
            return (0, 1)
        outputs = 2 if tensor.kind == "Conv2DTranspose" else len(tensor.shape) - 1
        return tuple(n for n in range(len(tensor.shape)) if n != outputs)

    def pool(self, tensor, scores, mask):
        return np.where(mask, scores, 0).sum(axis=self.axes(tensor))

    def units(self, tensor, mask):
        return mask.any(axis=self.axes(tensor))

    def spread(self, tensor, kept, mask):
        return np.expand_dims(kept, self.axes(tensor))


@pytest.mark.parametrize(
    ("kind", "shape", "units"),
    [
        ("Conv2D", (3, 3, 2, 8), 8),
        ("Conv2DTranspose", (3, 3, 8, 2), 8),
        ("DepthwiseConv2D", (3, 3, 4, 2), 8),
        ("Dense", (5, 8), 8),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_granularity_of_filters_knows_each_kind_of_layer(kind, shape, units, sign):
    granularity.register("filter")(Filter)
    tensor = Tensor("a/kernel", kind, shape)
    recipe = Recipe(granularity="filter", rates=(0.25,))
    assert recipe.groups([tensor]) == [Group("a/kernel", units, np.prod(shape), 0.25)]
    scores = sign * np.abs(np.random.default_rng(1).normal(size=shape))
    (mask,) = recipe.shrink([scores], [np.ones(shape, bool)], [tensor])
    axes = {"Conv2DTranspose": (0, 1, 3), "DepthwiseConv2D": (0, 1)}.get(
        kind, tuple(range(len(shape) - 1))
    )
    best = kept_by_hand(scores.sum(axis=axes).reshape(-1).tolist(), 6)
    assert mask.all(axis=axes).reshape(-1).tolist() == best
    assert mask.any(axis=axes).reshape(-1).tolist() == best


class TwoOfFour(Granularity):
    """The two best of each four inputs of an output; a further round prunes nothing."""

    def pool(self, tensor, scores, mask):
        fours = np.where(mask, scores, -np.inf).reshape(-1, 4, scores.shape[1])
        order = np.argsort(-fours, axis=1, kind="stable")
        return -np.argsort(order, axis=1).reshape(scores.shape)

    def keep(self, surviving, size, rate):
        return size // 2


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_two_of_four_are_kept_once_and_for_all(scope):
    granularity.register("nm", "2:4", example="2:4")(TwoOfFour)
    rng = np.random.default_rng(2)
    scores = [rng.normal(size=(8, 3)), rng.normal(size=(4, 5))]
    recipe = Recipe(granularity="2:4", scope=scope, rates=(0.2, 0.2))
    first = recipe.shrink(scores, dense(scores))
    for mask, score in zip(first, scores, strict=True):
        for column in range(mask.shape[1]):
            for row in range(0, len(mask), 4):
                four = score[row : row + 4, column].tolist()
                assert mask[row : row + 4, column].tolist() == kept_by_hand(four, 2)
    second = recipe.shrink(scores, first)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    like = recipe.shrink_to([-s for s in scores], dense(scores), first)
    assert [m.sum() for m in like] == [12, 10]
    tensors = [Tensor(f"{n}", "Dense", s.shape) for n, s in enumerate(scores)]
    recipe.check_levels(recipe.groups(tensors), 10**9)
    assert recipe.level_for_density(recipe.groups(tensors), 0.5) == 1
    with pytest.raises(LotteryError, match="cannot be reached: at 0.5"):
        recipe.level_for_density(recipe.groups(tensors), 0.4)


def test_weights_that_are_pruned_count_for_nothing_in_a_unit():
    granularity.register("row")(Row)
    scores = [np.array([[9.0, 1], [2, 2], [3, 3]])]
    masks = [np.array([[False, True], [True, True], [True, False]])]
    (mask,) = Recipe(granularity="row", rates=(0.4,)).shrink(scores, masks)
    assert mask.tolist() == [[False, False], [True, True], [True, False]]


@pytest.mark.parametrize(
    ("method", "made", "said"),
    [
        (
            "pool",
            lambda scores: scores,
            r"pool returned shape \(6, 5\) for a/kernel of",
        ),
        ("pool", lambda scores: 3.0, r"pool returned shape \(\) .*a unit, \(6,\)"),
        ("units", lambda mask: mask.sum(axis=1), "units returned int64 for a/kernel"),
        ("spread", lambda kept, mask: kept[:4], r"spread returned shape \(4,\)"),
        ("spread", lambda kept, mask: mask, "spread returned other units for a/kern"),
    ],
)
def test_what_a_granularity_returns_by_mistake_is_told_by_its_name(method, made, said):
    def returned(self, tensor, *given):
        return made(*given[: 2 if method == "spread" else 1])

    granularity.register("wrong")(type("Wrong", (Row,), {method: returned}))
    recipe = Recipe(granularity="wrong", rates=(0.5,))
    tensor = Tensor("a/kernel", "Dense", (6, 5))
    with pytest.raises(LotteryError, match=f"granularity='wrong': {said}"):
        recipe.shrink([np.abs(TRAINED[0])], [np.ones((6, 5), bool)], [tensor])


@pytest.mark.parametrize("number", [7, -1, 2.5, None])
def test_a_number_of_units_that_cannot_be_kept_is_told_too(number):
    kind = type("Wrong", (Row,), {"keep": lambda self, surviving, size, rate: number})
    granularity.register("wrong")(kind)
    recipe = Recipe(granularity="wrong", rates=(0.5,))
    said = f"'wrong': keep returned {number} of 6 surviving units: .* from 0 to 6"
    with pytest.raises(LotteryError, match=said):
        recipe.shrink(TRAINED[:1], [np.ones((6, 5), bool)])
    with pytest.raises(LotteryError, match=said):
        recipe.level_for_density(recipe.groups([Tensor("a", "Dense", (6, 5))]), 0.5)


def test_a_granularity_cannot_revive_a_weight():
    granularity.register("row")(Row)
    masks = [np.eye(6, 5, dtype=bool), np.eye(5, 4, dtype=bool)]
    found = shrunk(Recipe(granularity="row", rates=(0.4, 0.4)), masks)
    assert all((new <= old).all() for new, old in zip(found, masks, strict=True))
    assert [int(mask.sum()) for mask in found] == [3, 2]


def test_a_granularity_that_is_registered_again_is_used_by_recipes_that_are_there():
    granularity.register("row")(Row)
    recipe = Recipe(granularity="row", rates=(0.5, 0.5))
    before = shrunk(recipe, dense(TRAINED))

    class Last(Row):
        def pool(self, tensor, scores, mask):
            return np.arange(len(scores))

    granularity.register("row", replace=True)(Last)
    after = shrunk(recipe, dense(TRAINED))
    assert after[0].any(axis=1).tolist() == [False] * 3 + [True] * 3
    assert not np.array_equal(before[0], after[0])


def test_single_weights_are_ranked_as_they_are_without_a_copy(monkeypatch):
    given = []

    def shrink(scores, mask, keep, in_place):
        assert not in_place  # They are the caller's.
        given.append((scores, mask))
        return mask

    monkeypatch.setattr(ranking, "shrink", shrink)
    scores, masks = [np.abs(array) for array in TRAINED], dense(TRAINED)
    found = Recipe(rates=(0.5, 0.5)).shrink(scores, masks)
    for pair, score, mask, new in zip(given, scores, masks, found, strict=True):
        assert pair[0] is score and pair[1] is mask is new
