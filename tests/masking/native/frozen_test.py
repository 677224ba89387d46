"""Pruned weights of Keras 3 models that are frozen, on every backend."""

from __future__ import annotations

import json

import pytest

from tests.support.native_processes import every_backend, run_on

pytestmark = pytest.mark.slow


@every_backend
def test_frozen_weights_stay_and_the_others_train_as_masked_by_hand(
    backend: str,
) -> None:
    last = run_on(backend, "-m", "tests.support.native_frozen").splitlines()[-1]
    found = json.loads(last)
    assert len(found) == 5
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
