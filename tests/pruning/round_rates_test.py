"""Rates that differ by round, and budgets of weights by layer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import Recipe, Tensor, budgets, counts, recipes, round_rates

LENET = [(784, 300), (300, 100), (100, 10)]
TENSORS = [Tensor(f"dense{i}/kernel", "Dense", s) for i, s in enumerate(LENET)]


def left(shapes, rates, rounds: int) -> list[int]:
    """Weights that rounds leave of each tensor, by masks of random scores."""
    recipe, rng = Recipe(rates=tuple(rates)), np.random.default_rng(0)
    masks = [np.ones(shape, bool) for shape in shapes]
    for number in range(1, rounds + 1):
        scores = [rng.normal(size=shape) for shape in shapes]
        masks = recipe.of_round(number).shrink(scores, masks)
    return [int(mask.sum()) for mask in masks]


def test_each_round_has_the_rate_that_the_list_gives_it():
    # 100 - 36 = 64, 64 - 23.04 = 41, 41 - 7.79 = 33.
    assert left([(10, 10)], [(0.36, 0.36, 0.19)], 3) == [33]
    assert left([(10, 10), (10, 10)], [(0.5, 0.0), 0.1], 2) == [50, 81]


def test_one_number_stays_one_and_a_list_becomes_a_tuple():
    assert round_rates.check(0.2) == 0.2
    assert round_rates.check(np.array([0.5, 0.0])) == (0.5, 0.0)
    assert round_rates.by_level(lambda level: 0.2) == 0.2
    found = round_rates.by_level(lambda level: [None, 0.3, 0.2, None][level])
    assert found == (0.3, 0.2)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ([], "has no round"),
        ([0.2, 1.0], "1.0, of round 2"),
        ([0.2, "0.2"], "'0.2', of round 2"),
        ("0.2", "not a pruning rate"),
        ([0.2] * 101, "more than 100 items"),
    ],
)
def test_what_is_no_rate_is_refused(rate, said):
    with pytest.raises(LotteryError, match=said):
        round_rates.check(rate)


def test_a_function_of_the_level_that_fails_is_named():
    with pytest.raises(LotteryError, match=r"rate\(level=1\) raised ZeroDivisionError"):
        round_rates.by_level(lambda level: 1 / 0)
    with pytest.raises(LotteryError, match=r"rate\(level=2\) is 2: return a share"):
        round_rates.by_level(lambda level: [0, 0.5, 2][level])


def test_rates_of_counts_keep_exactly_these_counts():
    rng = np.random.default_rng(0)
    for _ in range(200):
        wanted = sorted(rng.integers(1, 3_000_000, 6).tolist(), reverse=True)
        kept = [wanted[0]]
        for rate in round_rates.of_counts(wanted):
            kept.append(counts.keep_count(kept[-1], rate) if rate else kept[-1])
        assert kept == wanted


def test_more_levels_than_rates_are_refused():
    recipe = Recipe(rates=((0.5, 0.5), 0.1))
    with pytest.raises(LotteryError, match=r"levels=3: there are rates for 2 rounds"):
        recipe.check_levels(recipe.groups(TENSORS[:2]), 3)
    with pytest.raises(LotteryError, match="not reached in the 2 rounds"):
        recipe.level_for_density(recipe.groups(TENSORS[:2]), 0.01)
    assert recipe.level_for_density(recipe.groups(TENSORS[:2]), 0.6) == 1


def test_the_round_is_told_by_the_weights_that_are_left():
    recipe = Recipe(rates=((0.5, 0.2, 0.1), (0.5, 0.0, 0.2)))
    shapes = [(10, 10), (4, 5)]
    tensors = [Tensor(str(i), "Dense", s) for i, s in enumerate(shapes)]

    def masks(*numbers):
        return [
            (np.arange(math.prod(s)) < n).reshape(s)
            for s, n in zip(shapes, numbers, strict=True)
        ]

    for number, kept in enumerate([(100, 20), (50, 10), (40, 10), (36, 8)]):
        assert recipe.rounds_done(masks(*kept), tensors) == number
    assert recipe.rounds_done(masks(41, 10), tensors) is None


@pytest.mark.parametrize("levels", [1, 2, 7, 15, 24])
def test_thrifty_rounds_end_at_the_counts_of_the_level_weight_for_weight(levels):
    rates = (0.2, 0.2, 0.1)
    number = recipes.thrifty().levels(levels)
    fewer = Recipe(rates=rates).in_rounds(TENSORS, levels, number)
    assert {len(rate) for rate in fewer} == {number}
    # The paper's search, by hand.
    wanted = []
    for shape, rate in zip(LENET, rates, strict=True):
        n = math.prod(shape)
        for _ in range(levels):
            n -= round(rate * n)
        wanted.append(n)
    assert left(LENET, fewer, number) == wanted


def test_thrifty_rounds_of_all_weights_together_end_at_their_count():
    recipe = Recipe(scope="global", rates=(0.2, 0.2, 0.0))
    fewer = recipe.in_rounds(TENSORS, 10, 7)
    assert fewer[0] == fewer[1] and fewer[2] == 0.0
    n = 784 * 300 + 300 * 100
    for _ in range(10):
        n -= round(0.2 * n)
    after = [784 * 300 + 300 * 100]
    for rate in fewer[0]:
        after.append(counts.keep_count(after[-1], rate))
    assert after[-1] == n


def test_what_keeps_by_its_own_numbers_has_no_fewer_rounds():
    with pytest.raises(LotteryError, match="keeps by its own numbers"):
        Recipe(granularity="2:4", rates=(0.5,)).in_rounds(TENSORS[:1], 1, 1)


def test_the_course_is_two_thirds_of_the_rounds_and_a_third_of_the_iterations():
    course = recipes.thrifty()
    assert course.levels(15) == 10 and course.iterations(10_000) == 5_000
    assert [course.levels(n) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert course.iterations(301, 10) == 150 and course.iterations(31, 10) == 20
    assert recipes.parse("thrifty:length=0.37").iterations(10_000) == 3_700
    assert recipes.parse("full") is None and recipes.parse(course) is course


@pytest.mark.parametrize("text", ["thrift", "full:length=1", "thrifty:share=1", 3, ""])
def test_another_course_is_refused(text):
    with pytest.raises(LotteryError, match=r"recipe"):
        recipes.parse(text)


def test_a_course_of_more_than_all_is_refused():
    with pytest.raises(LotteryError, match=r"length=1.5: give a share"):
        recipes.thrifty(length=1.5)


CONV = [[(3, 3, 3, 64)], [(3, 3, 64, 64)], [(5000, 256)], [(256, 10)]]


def test_erk_keeps_in_proportion_to_the_sum_of_the_kernels_sides():
    budget = budgets.erk(0.2)
    kept = budget.kept(CONV)
    sizes = [math.prod(shapes[0]) for shapes in CONV]
    assert sum(kept) == round(0.2 * sum(sizes))
    # Independent: Evci's loop, in which layers that fill up are taken out.
    dense: set[int] = set()
    while True:
        rest = [i for i in range(4) if i not in dense]
        free = 0.2 * sum(sizes) - sum(sizes[i] for i in dense)
        epsilon = free / sum(sum(CONV[i][0]) for i in rest)
        over = [i for i in rest if epsilon * sum(CONV[i][0]) / sizes[i] > 1]
        if not over:
            break
        dense |= set(over)
    for index in range(4):
        wanted = sizes[index] if index in dense else epsilon * sum(CONV[index][0])
        assert abs(kept[index] - wanted) <= 1
    assert kept[0] == sizes[0] and kept[3] == sizes[3]


def test_erdos_renyi_counts_a_kernels_places_and_uniform_all_weights():
    two = [[(3, 3, 8, 8)], [(64, 64)]]
    # In proportion to (8 + 8) * 9 and 64 + 64.
    assert budgets.erdos_renyi(0.05).kept(two) == [124, 110]
    assert budgets.uniform(0.05).kept(two) == [29, 205]


def test_a_budget_in_rounds_ends_at_its_counts():
    shapes = [shapes[0] for shapes in CONV]
    for make in budgets.NAMED.values():
        budget = make(0.05, rounds=4)
        assert left(shapes, budget.rates(CONV), 4) == budget.kept(CONV)


def test_a_budget_without_a_weight_for_each_layer_is_refused():
    with pytest.raises(LotteryError, match="keeps 2 weights of 24"):
        budgets.erk(0.08).kept([[(2, 4)], [(2, 4)], [(2, 4)]])
    assert budgets.erk(0.13).kept([[(2, 4)], [(2, 4)], [(2, 4)]]) == [1, 1, 1]
    with pytest.raises(LotteryError, match="density=2 is no density"):
        budgets.uniform(2)
    with pytest.raises(LotteryError, match="rounds=0"):
        budgets.uniform(0.5, rounds=0)
