"""Every score function on four weights, with worked-out scores."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import LotteryError
from lth_keras.pruning.criteria import registry as criteria

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
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_scores_follow_the_formula(name):
    scores = criteria.get(name)(INITIAL, TRAINED, np.random.default_rng(0))
    np.testing.assert_allclose(scores, EXPECTED[name], rtol=1e-15)


def test_every_criterion_stands_in_this_table():
    assert set(criteria.names()) == {*EXPECTED, "random"}


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
    assert without == {"magnitude", "large_final", "small_final", "random"}


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(LotteryError, match="criterion='magic' is not known: use one"):
        criteria.get("magic")
    with pytest.raises(LotteryError, match="magnitude_increase"):
        criteria.needs_initial("magic")


def test_a_criterion_of_the_users_own_can_be_registered():
    try:

        @lth.criteria.register("squared")
        def squared(initial, trained, rng):
            return trained**2

        assert criteria.get("squared") is squared
        assert criteria.needs_initial("squared")
        assert "squared" in criteria.names()
    finally:
        criteria._REGISTRY.pop("squared", None)
        criteria._NEEDS_INITIAL.discard("squared")
