"""Searches compared trial by trial, against numbers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from lth_keras.runs.paired_trials import Paired, compare


def search(
    last: int, iterations: int, values: list[float], density: float = 0.1
) -> list[dict[str, Any]]:
    """Trials of some levels, the last of which has a density and a value each."""
    return [
        {
            "trial": trial,
            "seed": 7 + trial,
            "level": level,
            "control": "ticket",
            "replicate": 0,
            "parameters": {},
            "density": density if level == last else 1.0 - 0.1 * level,
            "iterations": iterations,
            "early_stop_test_accuracy": value if level == last else 0.5,
            "test_accuracy": 0.0,
        }
        for trial, value in enumerate(values)
        for level in range(last + 1)
    ]


THRIFTY, FULL = [0.98, 0.97, 0.99], [0.981, 0.972, 0.989]


def test_the_last_level_is_compared_with_the_one_as_dense():
    found = compare(search(2, 50, THRIFTY), search(3, 100, FULL))
    assert found.density == 0.1 and found.spent == (100.0, 300.0)
    assert found.differences == pytest.approx((-0.1, -0.2, 0.1))
    wanted = np.array([-0.1, -0.2, 0.1])
    low = stats.ttest_1samp(wanted, 0.0, alternative="greater").confidence_interval()
    assert found.mean == pytest.approx(wanted.mean())
    assert found.lowest == pytest.approx(low.low, abs=1e-4)
    assert str(found) == (
        "at 10.0 % -0.07 points (3 paired trials, at least -0.32 at 95 %) for 0.33 of "
        "the iterations"
    )


@pytest.mark.parametrize("count", [2, 5, 12, 31])
def test_the_bound_is_students(count):
    values = np.random.default_rng(count).normal(size=count)
    found = Paired(0.1, tuple(values), (1.0, 2.0))
    low = stats.ttest_1samp(values, 0.0, alternative="greater").confidence_interval()
    assert found.lowest == pytest.approx(low.low, abs=1e-3)


def test_only_trials_of_the_same_seed_are_paired():
    others = search(3, 100, FULL)
    for row in others:
        row["seed"] += 1
    assert compare(search(2, 50, THRIFTY), others).differences == ()
    one = compare(search(2, 50, THRIFTY[:1]), search(3, 100, FULL))
    assert one.lowest is None and "1 paired trial)" in str(one)


def test_searches_without_a_level_as_dense_have_nothing_to_compare():
    assert compare(search(2, 50, THRIFTY), search(3, 100, FULL, 0.2)).differences == ()
    assert compare(search(0, 50, THRIFTY), search(0, 50, FULL)).differences == ()


def test_levels_that_are_not_shown_leave_no_pair():
    """What led to a level is not known without all before it."""
    full = search(3, 100, FULL)
    for level in range(3):
        part = [row for row in full if row["level"] != level]
        assert compare(search(2, 50, THRIFTY), part).differences == ()
        assert compare(part, search(2, 50, THRIFTY)).differences == ()


def test_a_trial_is_paired_once_where_a_round_pruned_nothing():
    again = [{**row, "level": 4} for row in search(3, 100, FULL) if row["level"] == 3]
    found = compare(search(2, 50, THRIFTY), [*search(3, 100, FULL), *again])
    assert len(found.differences) == 3 and found.spent == (100.0, 300.0)
