"""The grid's rows for Keras 3 models, on each backend in a process of its own."""

from __future__ import annotations

import pytest

from tests.grid.rows import CONTROLS, CRITERIA, GRANULARITIES
from tests.support import keras3_jobs as jobs

pytestmark = pytest.mark.slow
# 6 x 8 and 8 x 3 weights, of which a rate of 0.3 prunes 14 and 7.
KEPT = [34, 17]
# What is not there for Keras 3, with a word of the line that says so.
REFUSED = {
    "continued": "tfmot",
}


@pytest.fixture(params=jobs.BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_criterion_and_granularity_keeps_its_counts(backend, tmp_path) -> None:
    told = jobs.told("pruned", backend, tmp_path)
    assert set(told) == {*CRITERIA, *GRANULARITIES.values()}
    for name, found in told.items():
        if name in (*CRITERIA, "weight"):
            assert found == KEPT, name
        elif name == "filter":  # Of the hidden layer alone: 6 of its 8 units.
            assert found == [36]
        else:  # Whole units: as many weights as there are in some of them.
            assert all(0 < n < size for n, size in zip(found, (48, 24), strict=True))


def test_every_control_is_trained_on_its_mask_or_says_why_not(
    backend, tmp_path
) -> None:
    told = jobs.told("controls", backend, tmp_path)
    assert set(told) == set(CONTROLS)
    for name, found in told.items():
        if name in REFUSED:
            assert REFUSED[name] in found and "\n" not in found, name
            continue
        if name == "one_shot":  # A few weights may keep their order by chance.
            assert found["by_hand"]
        else:
            assert found["same_mask"] == CONTROLS[name].same_mask, name
        assert found["counts"] or name == "transfer", name
        assert found["iterations"] == 10, name
