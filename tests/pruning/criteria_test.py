"""Every score function on four weights, with worked-out scores."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.pruning import criteria
from lth_keras.pruning.criteria import registry as registered

INITIAL = np.array([1.0, -4.0, 2.0, 0.5])
TRAINED = np.array([-2.0, 1.0, 3.0, -0.5])
# Scaled by the largest of each: |w_i| / 4 and |w_f| / 3.
EXPECTED = {
    "magnitude": [2, 1, 3, 0.5],
    "large_final": [2, 1, 3, 0.5],
    "small_final": [-2, -1, -3, -0.5],
    "large_init": [1, 4, 2, 0.5],
    "small_init": [-1, -4, -2, -0.5],
    "magnitude_increase": [1, -3, 1, 0],
    "movement": [3, 5, 1, 1],
    "large_init_large_final": [1 / 4, 1 / 3, 1 / 2, 1 / 8],
    "small_init_small_final": [-2 / 3, -1, -1, -1 / 6],
    "movement_pruning": [3, -15, 5, 0],
}
# Only the third has the sign that it had.
EXPECTED |= {
    f"{name}_same_sign": [-np.inf, -np.inf, scores[2], -np.inf]
    for name, scores in EXPECTED.items()
    if name != "magnitude"
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_scores_follow_the_formula(name):
    scores = criteria.get(name)(INITIAL, TRAINED, np.random.default_rng(0))
    np.testing.assert_allclose(scores, EXPECTED[name], rtol=1e-15)


def test_every_criterion_stands_in_this_table():
    seen = {name for name in criteria.names() if not criteria.of(name).whole}
    assert seen == {*EXPECTED, "random"}


def test_random_scores_follow_the_generator_and_not_the_weights():
    scores = criteria.get("random")(INITIAL, TRAINED, np.random.default_rng(3))
    again = criteria.get("random")(TRAINED, INITIAL, np.random.default_rng(3))
    other = criteria.get("random")(INITIAL, TRAINED, np.random.default_rng(4))
    assert scores.shape == (4,) and np.array_equal(scores, again)
    assert not np.array_equal(scores, other)


def test_scaling_a_weight_of_zeros_divides_by_nothing():
    zeros = np.zeros(3)
    for name in ("large_init_large_final", "small_init_small_final"):
        assert not criteria.get(name)(zeros, zeros, np.random.default_rng(0)).any()


def test_criteria_that_read_the_trained_weights_alone_need_no_initial_ones():
    without = {name for name in criteria.names() if not criteria.needs_initial(name)}
    whole = {name for name in without if criteria.of(name).whole}
    assert whole == {"grasp", "snip", "synflow"}
    assert without - whole == {"magnitude", "large_final", "small_final", "random"}


def test_a_weight_that_is_zero_has_no_sign_to_keep():
    score = criteria.get("large_final_same_sign")
    initial, trained = np.array([0.0, -0.0, 1.0, -2.0]), np.array([1.0, -1.0, 0.0, -3])
    found = score(initial, trained, np.random.default_rng(0))
    assert found.tolist() == [-np.inf, -np.inf, -np.inf, 3.0]


def test_movement_pruning_is_what_small_steps_of_gradient_descent_add_up_to():
    rng = np.random.default_rng(0)
    initial, target, rate = rng.normal(size=8), rng.normal(size=8), 1e-5
    weights, score = initial.copy(), np.zeros(8)
    for _ in range(50_000):
        gradient = weights - target
        score -= weights * gradient
        weights -= rate * gradient
    found = criteria.get("movement_pruning")(initial, weights, rng)
    np.testing.assert_allclose(found, 2 * rate * score, rtol=1e-3, atol=1e-5)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(LotteryError, match="criterion='magic' is not known: use one"):
        criteria.get("magic")
    with pytest.raises(LotteryError, match="magnitude_increase"):
        criteria.needs_initial("magic")


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(
        registered.REGISTRY, "entries", dict(registered.REGISTRY.entries)
    )


def test_a_criterion_of_the_users_own_can_be_registered(registry):
    @lth.criteria.register("squared")
    def squared(initial, trained, rng):
        return trained**2

    assert criteria.get("squared") is squared
    assert criteria.needs("squared") == {"initial"}
    assert "squared" in criteria.names()


def test_a_criterion_says_what_it_needs(registry):
    criteria.register("a", needs=())(lambda i, w, rng: w)
    criteria.register("b", needs_initial=False)(lambda i, w, rng: w)
    criteria.register("c", needs=("gradients",))(lambda i, w, rng, gradients: w)
    criteria.register("d", needs=["initial", "gradients"])(lambda *given: given[1])
    assert [sorted(criteria.needs(name)) for name in "abcd"] == [
        [],
        [],
        ["gradients"],
        ["gradients", "initial"],
    ]
    assert [criteria.needs_initial(name) for name in "abcd"] == [0, 0, 0, 1]
    # As it was written before there were gradients.
    criteria.register("e", False)(lambda i, w, rng: w)
    criteria.register("f", True)(lambda i, w, rng: w)
    assert [criteria.needs_initial(name) for name in "ef"] == [0, 1]


@pytest.mark.parametrize(
    ("name", "needs", "function", "said"),
    [
        ("magnitude", (), lambda i, w, rng: w, "'magnitude' is taken: .*replace=True"),
        ("a b", (), lambda i, w, rng: w, "letters, digits and underscores"),
        ("", (), lambda i, w, rng: w, "letters, digits and underscores"),
        (3, (), lambda i, w, rng: w, "letters, digits and underscores"),
        ("own", ("data",), lambda i, w, rng: w, "needs=data is not known"),
        ("own", 3, lambda i, w, rng: w, "needs=3 is not known: use initial or grad"),
        ("own", [[]], lambda i, w, rng: w, r"needs=\[\] is not known"),
        ("own", (), lambda w: w, r"takes \(w\): write f\(initial, trained, rng\)"),
        ("own", ("gradients",), lambda i, w, rng: w, "rng, gradients\\)"),
        ("own", (), 3, "is no function"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_registered(
    registry, name, needs, function, said
):
    before = criteria.names()
    with pytest.raises(LotteryError, match=said):
        criteria.register(name, needs)(function)
    assert criteria.names() == before


def test_a_built_in_is_replaced_on_request_and_ones_own_by_itself(registry):
    def own(initial, trained, rng):
        return trained

    criteria.register("magnitude", needs=(), replace=True)(own)
    assert criteria.get("magnitude") is own
    # A notebook's cell that is run again.
    criteria.register("magnitude", needs=())(own)
