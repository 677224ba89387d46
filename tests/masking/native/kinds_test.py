"""Further kinds of Keras 3 models and optimizers, on every backend."""

from __future__ import annotations

import json

import pytest

from tests.support.native_processes import every_backend, run_on

pytestmark = pytest.mark.slow


@every_backend
def test_they_train_as_masked_by_hand_and_go_on_after_a_stop(backend: str) -> None:
    printed = run_on(backend, "-m", "tests.support.native_kinds")
    found = json.loads(printed.splitlines()[-1])
    assert len(found) > 14
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
