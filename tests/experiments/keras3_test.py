"""Experiments and lth-search on Keras 3 models, on each backend by itself."""

from __future__ import annotations

import pytest

from tests.support import keras3_jobs as jobs

pytestmark = pytest.mark.slow
OF = "keras3_experiments"


@pytest.fixture(params=jobs.BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def test_any_number_of_workers_finds_the_same(backend, tmp_path) -> None:
    told = jobs.told("experiments", backend, tmp_path, OF)
    one, two = told["1"], told["2"]
    assert one == two and len(one) == 2 * (jobs.LEVELS + 1) + 2
    assert {(row["keras"], row["backend"]) for row in one} == {("keras3", backend)}
    first = [row for row in one if row["trial"] == 0]
    assert first != [row for row in one if row["trial"] == 1]


def test_the_program_searches_by_two_workers(backend, tmp_path) -> None:
    told = jobs.told("programs", backend, tmp_path, OF)
    assert told["codes"] == [0, 0]
    assert len(told["rows"]) == 6
    assert {row["backend"] for row in told["rows"]} == {backend}


@pytest.mark.parametrize("backend", jobs.BACKENDS[1:])
def test_nobody_waits_for_tf_keras_before_wrap_is_called(backend, tmp_path) -> None:
    told = jobs.told("imports", backend, tmp_path, OF)
    assert told["before"] == [] and told["wrapped"] == 1
