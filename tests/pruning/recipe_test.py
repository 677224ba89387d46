"""The recipe: one round, numbers of a ticket, levels, refusals, configuration.

The oracles are sorted lists in Python.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import criteria, granularity
from lth_keras.pruning.granularity import Granularity, Tensor
from lth_keras.pruning.groups import Group
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values
from tests.support.small_recipes import (
    TRAINED,
    dense,
    kept_by_hand,
    shrunk,
)

pytestmark = pytest.mark.usefixtures("own_names")


def test_layer_scope_ranks_each_tensor_at_its_own_rate():
    masks = shrunk(Recipe(rates=(0.5, 0.1)), dense(TRAINED))
    for mask, trained, keep in zip(masks, TRAINED, (15, 18), strict=True):
        flat = np.abs(trained).reshape(-1).tolist()
        assert mask.reshape(-1).tolist() == kept_by_hand(flat, keep)


def test_global_scope_ranks_all_tensors_together():
    masks = shrunk(Recipe(scope="global", rates=(0.5, 0.5)), dense(TRAINED))
    flat = [abs(v) for array in TRAINED for v in array.reshape(-1)]
    assert [b for m in masks for b in m.reshape(-1)] == kept_by_hand(flat, 25)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_another_round_never_revives_a_weight(scope):
    recipe = Recipe(scope=scope, rates=(0.3, 0.3))
    first = shrunk(recipe, dense(TRAINED))
    second = shrunk(recipe, first)
    assert all((b <= a).all() for a, b in zip(first, second, strict=True))
    kept = sum(int(m.sum()) for m in second)
    # 30 -> 21 -> 15 and 20 -> 14 -> 10; together 50 -> 35 -> 25 (round half to even).
    assert kept == {"layer": 25, "global": 25}[scope]


def test_as_many_are_kept_as_other_masks_keep():
    like = dense(TRAINED)
    like[0][:3] = False
    like[1][0] = False
    scores = Recipe().scores(Values(TRAINED), np.random.default_rng(0))
    by_layer = Recipe(rates=(0.2, 0.2)).shrink_to(scores, dense(TRAINED), like)
    assert [int(m.sum()) for m in by_layer] == [15, 16]
    whole = Recipe(scope="global", rates=(0.2, 0.2))
    together = whole.shrink_to(scores, dense(TRAINED), like)
    flat = [abs(v) for array in TRAINED for v in array.reshape(-1)]
    assert [b for m in together for b in m.reshape(-1)] == kept_by_hand(flat, 31)


class Row(Granularity):
    def pool(self, tensor, scores, mask):
        return np.where(mask, scores, 0).sum(axis=1)

    def units(self, tensor, mask):
        return mask.any(axis=1)

    def spread(self, tensor, kept, mask):
        return kept[:, np.newaxis]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_granularity_keeps_whole_units_and_counts_them(scope):
    granularity.register("row")(Row)
    recipe = Recipe(granularity="row", scope=scope, rates=(0.5, 0.5))
    masks = shrunk(recipe, dense(TRAINED))
    sums = [np.abs(array).sum(axis=1).tolist() for array in TRAINED]
    if scope == "layer":
        # 6 - round(3.0) and 5 - round(2.5), half to even.
        wanted = [kept_by_hand(sums[0], 3), kept_by_hand(sums[1], 3)]
    else:
        both = kept_by_hand(sums[0] + sums[1], 11 - round(5.5))
        wanted = [both[:6], both[6:]]
    for mask, rows in zip(masks, wanted, strict=True):
        assert mask.tolist() == [[row] * mask.shape[1] for row in rows]


def test_what_a_criterion_needs_is_asked_for():
    given = Values(TRAINED, paths=["a/kernel", "b/kernel"])
    rng = np.random.default_rng(0)
    with pytest.raises(LotteryError, match="lth.prune\\(model, start\\)"):
        Recipe("movement").scores(given, rng)
    criteria.register("slope", needs=("gradients",))(lambda i, w, rng, g: np.abs(g))
    with pytest.raises(LotteryError, match="reads gradients: .*data=\\(x, y\\)"):
        Recipe("slope").scores(given, rng)
    gradients = [array - 1 for array in TRAINED]
    found = Recipe("slope").scores(given._replace(gradients=gradients), rng)
    assert all(
        np.array_equal(score, np.abs(array - 1))
        for score, array in zip(found, TRAINED, strict=True)
    )
    criteria.register("short", needs=())(lambda i, w, rng: w[0])
    with pytest.raises(LotteryError, match=r"shape \(5,\) for a/kernel of .*\(6, 5\)"):
        Recipe("short").scores(given, rng)


TENSORS = [Tensor("a/kernel", "Dense", (12, 4)), Tensor("b/kernel", "Dense", (4, 6))]


def test_groups_are_by_tensor_or_of_the_whole():
    recipe = Recipe(rates=(0.4, 0.1))
    assert recipe.groups(TENSORS) == [
        Group("a/kernel", 48, 48, 0.4),
        Group("b/kernel", 24, 24, 0.1),
    ]
    whole = Recipe(scope="global", rates=(0.4, 0.4))
    assert whole.groups(TENSORS) == [Group("the model", 72, 72, 0.4)]
    granularity.register("row")(Row)
    rows = dataclasses.replace(recipe, granularity="row")
    assert [(g.units, g.weights) for g in rows.groups(TENSORS)] == [(12, 48), (4, 24)]
    # 12 -> 7 -> 4 rows of four, and 4 -> 4 -> 4 of six: 40 of 72.
    assert rows.level_for_density(rows.groups(TENSORS), 40 / 72) == 2


def test_a_density_is_refused_where_it_depends_on_which_units_are_kept():
    granularity.register("row")(Row)
    rows = Recipe(granularity="row", scope="global", rates=(0.4, 0.4))
    said = "target_density=0.5: .*'row' the units of the model differ .*levels="
    with pytest.raises(LotteryError, match=said):
        rows.level_for_density(rows.groups(TENSORS), 0.5)
    # 16 -> 10 rows -> 6, all of six.
    even = [tensor._replace(shape=(8, 6)) for tensor in TENSORS]
    assert rows.level_for_density(rows.groups(even), 0.5) == 2

    class Pairs(Row):
        """Rows in twos; the last is alone where their number is odd."""

        def units(self, tensor, mask):
            return np.logical_or.reduceat(mask.any(axis=1), range(0, len(mask), 2))

        def spread(self, tensor, kept, mask):
            return np.repeat(kept, 2)[: len(mask), np.newaxis]

    granularity.register("pairs")(Pairs)
    pairs = Recipe(granularity="pairs", rates=(0.4,))
    (group,) = pairs.groups([Tensor("a", "Dense", (5, 4))])
    assert group == Group("a", 3, 20, 0.4, even=False)
    with pytest.raises(LotteryError, match="the units of a differ in size"):
        pairs.level_for_density([group], 0.5)
    assert pairs.groups([Tensor("a", "Dense", (6, 4))])[0].even


def test_levels_that_would_empty_a_tensor_are_refused_however_many():
    """At rate 0.9 the head has 24, 2, 0 weights, the first layer 48, 5, 1, 0."""
    recipe = Recipe(rates=(0.9, 0.9))
    groups = recipe.groups(
        [
            Tensor("dense/kernel", "Dense", (12, 4)),
            Tensor("dense_1/kernel", "Dense", (4, 6)),
        ]
    )
    with pytest.raises(LotteryError, match=r"level 2 would .*dense_1/kernel \(24"):
        recipe.check_levels(groups, 10**9)
    with pytest.raises(LotteryError, match=r"level 3 would leave dense/kernel \(48"):
        recipe.check_levels(groups[:1], 10**9)
    recipe.check_levels(groups, 1)
    # One weight stays for ever: 1 - round(0.4) is 1.
    Recipe(rates=(0.4,)).check_levels([Group("a", 48, 48, 0.4)], 10**9)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"criterion": "magic"}, "criterion='magic' is not known: use one of .*random"),
        ({"granularity": "atom"}, "granularity='atom' is not known: use one of weight"),
        ({"granularity": 3}, "granularity=3 is not known"),
        ({"scope": "block"}, "scope='block' is not known: use 'layer' or 'global'"),
        (
            {"scope": "global", "rates": (0.2, 0.1, 0.2)},
            r"at one rate, got \[0.1, 0.2\]",
        ),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(fields, said):
    with pytest.raises(LotteryError, match=said):
        Recipe(**fields).check()


def test_recipes_of_layers_are_joined_with_a_rate_for_each():
    parts = [Recipe("movement", rates=(0.2,)), Recipe("movement", rates=(0.1, 0.3))]
    assert Recipe.joined(parts) == Recipe("movement", rates=(0.2, 0.1, 0.3))
    with pytest.raises(LotteryError, match="pruned in 2 ways"):
        Recipe.joined([*parts, Recipe("magnitude", rates=(0.2,))])


def test_a_recipe_comes_back_from_its_configuration_and_from_an_older_one():
    recipe = Recipe("movement", scope="global", rates=(0.2,))
    config = {"recipe": recipe.get_config(), "name": "dense"}
    assert Recipe.from_config(config) == dataclasses.replace(recipe, rates=())
    assert config == {"name": "dense"}
    older = {"criterion": "random", "scope": "layer", "name": "dense"}
    assert Recipe.from_config(older) == Recipe("random")
    assert older == {"name": "dense"}


def test_manifests_name_a_granularity_only_where_it_is_not_of_single_weights():
    assert Recipe(rates=(0.2,)).settings() == {
        "criterion": "magnitude",
        "scope": "layer",
        "rates": [0.2],
    }
    granularity.register("row")(Row)
    assert Recipe(granularity="row").settings()["granularity"] == "row"


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_tensor_at_rate_0_is_left_as_it_is_and_ranked_with_no_other(scope):
    recipe = Recipe(scope=scope, rates=(0.0, 0.4)).check()
    masks = dense(TRAINED)
    masks[0][0] = False
    first, second = shrunk(recipe, masks)
    assert np.array_equal(first, masks[0])
    flat = np.abs(TRAINED[1]).reshape(-1).tolist()
    assert second.reshape(-1).tolist() == kept_by_hand(flat, 20 - round(0.4 * 20))
    whole, alone = Group("b/kernel", 24, 24, 0.4), Group("a/kernel", 48, 48, 0.0)
    if scope == "global":
        assert recipe.groups(TENSORS) == [whole._replace(name="the model"), alone]
    else:
        assert recipe.groups(TENSORS) == [alone, whole]
    # 24 - 10 - 6 - 3 - 2 - 1 - 1 = 1 entries stay at last, of a none are lost.
    assert recipe.first_empty(recipe.groups(TENSORS), 100) is None
    assert recipe.level_for_density(recipe.groups(TENSORS), 62 / 72) == 1
    like = dense(TRAINED)
    like[1][:2] = False
    scores = recipe.scores(Values(TRAINED), np.random.default_rng(0))
    kept = recipe.shrink_to(scores, dense(TRAINED), like)
    assert kept[0].all() and int(kept[1].sum()) == int(like[1].sum())


def test_a_granularity_that_keeps_by_itself_does_not_touch_a_tensor_at_rate_0():
    class Half(Granularity):
        def keep(self, surviving, size, rate):
            return size // 2

    granularity.register("half")(Half)
    recipe = Recipe(granularity="half", rates=(0.0, 0.5))
    first, second = shrunk(recipe, dense(TRAINED))
    assert first.all() and int(second.sum()) == second.size // 2


def test_in_global_scope_nothing_is_ranked_where_all_rates_are_0():
    recipe = Recipe(scope="global", rates=(0.0, 0.0)).check()
    assert all(mask.all() for mask in shrunk(recipe, dense(TRAINED)))
