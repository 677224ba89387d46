"""SNIP, GraSP and SynFlow on Keras 3 models, against loops in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import lth_keras as lth
from tests.support import native_criteria as criteria
from tests.support.criteria_by_hand import X, Y
from tests.support.native_processes import every_backend, rows_on


def test_they_keep_what_a_loop_by_hand_keeps() -> None:
    assert criteria.kept_otherwise_than_by_hand() == []


def test_gradients_are_those_of_numpy() -> None:
    assert criteria.gradients_other_than_by_hand() == []


@pytest.mark.slow
@every_backend
def test_they_do_so_on_every_backend(backend: str) -> None:
    assert rows_on(backend)["criteria_keep_what_numpy_keeps"] == []


def uncompiled(criterion: str) -> object:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    return lth.hold(model, 0.5, "global", criterion)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: lth.prune(uncompiled("snip"), data=(X, Y)), "is not compiled"),
        (lambda: lth.prune(criteria.network("snip")), "pass the data"),
        (
            lambda: lth.prune(criteria.network("snip"), data=(X[:, :4], Y)),
            "does not fit the model",
        ),
        (
            lambda: lth.prune(criteria.network("snip", reduction="none"), data=(X, Y)),
            "reduction none",
        ),
        (
            lambda: lth.prune(criteria.network("snip"), data=np.ones(3)),
            "data= is one ndarray",
        ),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_one_line(call: object, said: str) -> None:
    with pytest.raises(lth.LotteryError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
