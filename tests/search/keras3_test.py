"""Searches of Keras 3 models by their own fit, on each backend in its own processes."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from tests.support import keras3_jobs as jobs
from tests.support import small_search as small

pytestmark = pytest.mark.slow
_DONE: dict[str, tuple[pathlib.Path, dict[str, Any]]] = {}


@pytest.fixture(params=jobs.BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def whole(
    backend: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pathlib.Path, dict[str, Any]]:
    """The folder of a search that nothing ended, and what its process told."""
    if backend not in _DONE:
        folder = tmp_path_factory.mktemp(backend)
        _DONE[backend] = folder, jobs.told("whole", backend, folder)
    return _DONE[backend]


def test_each_level_keeps_what_sorting_by_magnitude_keeps_on_theta_k(whole) -> None:
    found = lth.LotterySearch.load(whole[0])
    theta = [weight.value for weight in found.theta.weights]
    masks = [np.ones(w.value.shape, bool) for w in found.ticket(0).weights]
    for level in range(jobs.LEVELS):
        trained = found.trained_weights(level)
        ticket = found.ticket(level + 1)
        for place, weight in enumerate(ticket.weights):
            if weight.mask is None:
                assert small.same_bits([weight.value], [theta[place]])
                continue
            masks[place] = small.pruned_by_hand(trained[place], masks[place], jobs.RATE)
            assert np.array_equal(weight.mask, masks[place])
            start = small.masked(theta[place], masks[place])
            assert small.same_bits([weight.value], [start])
            after = found.trained_weights(level + 1)[place]
            assert not np.any(after[~masks[place]])
    assert found.theta.step == 3


def test_levels_train_on_from_the_step_that_they_are_rewound_to(backend, whole) -> None:
    folder, told = whole
    found = lth.LotterySearch.load(folder)
    assert found.history.curves[0]["iteration"] == [2, 4, 5, 6, 8, 10]
    assert found.history.curves[1]["iteration"] == [4, 5, 6, 8, 10]
    assert told["step"] == 3
    assert {(row["keras"], row["backend"]) for row in found.results} == {
        ("keras3", backend)
    }
    assert {row["iterations"] for row in found.results} == {10}
    kinds = [row["control"] for row in found.results]
    assert kinds.count("ticket") == 3 and kinds.count("one_shot") == 1
    assert sum("random_reinit" in kind for kind in kinds) == 2


def test_one_trace_serves_every_level(backend, whole) -> None:
    first, *others = whole[1]["traces"]
    if backend == "torch":  # Which traces nothing, and calls it in every step.
        assert first < others[0] < others[1]
    else:
        assert set(others) == {first}


def test_a_search_that_is_killed_ends_as_one_that_never_was(
    backend, whole, tmp_path
) -> None:
    assert jobs.start("killed", backend, tmp_path).returncode == -9
    assert lth.LotterySearch.load(tmp_path).finished_levels == [0]
    jobs.told("whole", backend, tmp_path)
    assert small.lines(tmp_path) == small.lines(whole[0])
    assert small.fingerprints(tmp_path) == small.fingerprints(whole[0])
    for level in range(jobs.LEVELS + 1):
        assert small.same_bits(*(
            lth.LotterySearch.load(folder).trained_weights(level)
            for folder in (tmp_path, whole[0])
        ))  # fmt: skip


def test_evaluation_and_the_form_of_the_data_change_nothing_that_is_trained(
    backend, whole, tmp_path
) -> None:
    jobs.told("others", backend, tmp_path)
    for other in ("unwatched", "generators"):
        assert small.fingerprints(tmp_path / other) == [
            lth.LotterySearch.load(whole[0]).ticket(level).fingerprint
            for level in range(jobs.LEVELS + 1)
        ]


@pytest.mark.parametrize("backend", jobs.BACKENDS[:1])
def test_what_keras_exports_of_a_searched_model_computes_the_same(
    backend, tmp_path
) -> None:
    told = jobs.told("exports", backend, tmp_path)
    assert set(told) == {"saved_model", "litert", "keras", "tf_keras", "compact"}
    assert max(told.values()) < 1e-5


def test_settings_of_compile_leave_levels_exact(backend, tmp_path) -> None:
    told = jobs.told("settings", backend, tmp_path)
    assert len(told) >= 6
    for name, iterations in told.items():
        assert set(iterations) == {10}, name
        found = lth.LotterySearch.load(tmp_path / name)
        weights, trained = found.ticket(1).weights, found.trained_weights(1)
        for weight, value in zip(weights, trained, strict=True):
            assert weight.mask is None or not np.any(value[~weight.mask]), name
