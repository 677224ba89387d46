"""A method in a run directory: what is stored, and resuming where it was stopped."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.runs import layout
from tests.support import small_search as small


class KilledError(Exception):
    """What a test stops a run by."""


class Stop(keras.callbacks.Callback):
    """Ends the process, as far as the run can tell, in a fit's last step."""

    def __init__(self, fit: int):
        super().__init__()
        self._left = fit + 1

    def on_train_end(self, logs=None):
        self._left -= 1
        if self._left == 0:
            raise KilledError


def run(
    make: Callable[[keras.Model], lth.methods.Method],
    directory: pathlib.Path,
    callbacks=(),
    **arguments,
) -> lth.methods.MethodSearch:
    method = make(small.dense_model())
    method.model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    search = lth.methods.MethodSearch(method, str(directory), seed=3, **arguments)
    small.fit(search, validation_data=small.VALIDATION, callbacks=list(callbacks))
    return search


def edge_popup(model: keras.Model) -> lth.methods.Method:
    return lth.methods.EdgePopup(model, keep=0.5)


def dsd(model: keras.Model) -> lth.methods.Method:
    return lth.methods.DenseSparseDense(model, rates=0.4)


@pytest.mark.slow
def test_a_learned_mask_is_stored_with_its_start_line_and_weights(tmp_path):
    search = run(edge_popup, tmp_path / "run")
    (row,) = search.results
    ticket = search.ticket(0)
    assert row["density"] == ticket.density == 0.5 and row["control"] == "ticket"
    # Of what was found, and not of the dense network that it was trained from.
    assert 0.3 < row["effective_density"] <= row["density"]
    assert row["iterations"] == 10 and row["validation_loss"] > 0
    # What it was trained from: the dense network of weights that stay.
    assert search.theta.density == 1.0
    for found, start in zip(ticket.weights, search.theta.weights, strict=True):
        if found.mask is not None:
            kept = np.where(found.mask, start.value, 0)
            assert np.array_equal(found.value, kept)
    stored = search.trained_weights(0)
    assert small.same_bits(stored, [weight.value for weight in ticket.weights])
    wrapped = small.compiled()
    ticket.apply(wrapped)
    x, y = small.VALIDATION
    loss, accuracy = wrapped.evaluate(x, y, verbose=0)
    assert row["metrics"]["val_accuracy"] == pytest.approx(accuracy)
    assert row["metrics"]["val_loss"] == pytest.approx(loss, rel=1e-5)
    # Read without a model, and shown by all that reads a search.
    again = lth.methods.MethodSearch.load(str(tmp_path / "run"))
    assert again.ticket(0).fingerprint == ticket.fingerprint
    assert again.results == search.results


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "stop"),
    [
        (edge_popup, 0),
        pytest.param(dsd, 1, marks=pytest.mark.slow),
        pytest.param(lth.methods.Supermask, 0, marks=pytest.mark.slow),
        pytest.param(dsd, 2, marks=pytest.mark.slow),
        pytest.param(lth.methods.HardThresholding, 4, marks=pytest.mark.slow),
    ],
    ids=["edge_popup", "dsd1", "supermask", "dsd2", "iht"],
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(make, stop, tmp_path):
    run(make, tmp_path / "whole")
    with pytest.raises(KilledError):
        run(make, tmp_path / "cut", [Stop(stop)])
    assert len(small.lines(tmp_path / "cut")) == stop
    keras.backend.clear_session()
    resumed = run(make, tmp_path / "cut")
    lines = [small.lines(tmp_path / name) for name in ("whole", "cut")]
    assert lines[0] == lines[1] and len(lines[0]) == len(resumed.method.plan)
    found, wanted = (small.fingerprints(tmp_path / name) for name in ("cut", "whole"))
    assert found == wanted and len(wanted) == len(resumed.method.plan)


@pytest.mark.slow
def test_the_phases_of_a_method_are_the_levels_of_its_run(tmp_path):
    search = run(dsd, tmp_path / "run")
    densities = [row["density"] for row in search.results]
    assert densities[0] == densities[2] == 1.0 and 0.55 < densities[1] < 0.65
    assert search.ticket(1).parent == search.ticket(0).fingerprint
    # Each begins with what the one before ended with, on its own mask.
    for level in (1, 2):
        before, ticket = search.trained_weights(level - 1), search.ticket(level)
        for value, weight in zip(before, ticket.weights, strict=True):
            mask = np.True_ if weight.mask is None else weight.mask
            assert np.array_equal(weight.value, np.where(mask, value, 0))
    # A model of a finished run holds what it ended with.
    predicted = search.model.predict(small.X, verbose=0)
    again = run(dsd, tmp_path / "run")
    assert np.array_equal(again.model.predict(small.X, verbose=0), predicted)


@pytest.mark.slow
def test_a_finished_learned_mask_is_held_by_a_new_model(tmp_path):
    search = run(lth.methods.Supermask, tmp_path / "run")
    predicted = search.model.predict(small.X, verbose=0)
    again = run(lth.methods.Supermask, tmp_path / "run")
    np.testing.assert_allclose(
        again.model.predict(small.X, verbose=0), predicted, rtol=0, atol=1e-5
    )
    assert again.method.ticket().fingerprint == search.ticket(0).fingerprint or (
        again.method.ticket().densities == search.ticket(0).densities
    )


@pytest.mark.slow
def test_other_settings_of_the_method_are_refused(tmp_path):
    run(edge_popup, tmp_path / "run")
    with pytest.raises(lth.LotteryError, match="method .stored .*keep"):
        run(lambda model: lth.methods.EdgePopup(model, keep=0.4), tmp_path / "run")
    with pytest.raises(lth.LotteryError, match="architecture|method"):
        run(dsd, tmp_path / "run")


def test_what_is_no_method_or_argument_is_refused(tmp_path):
    with pytest.raises(lth.LotteryError, match="give one of lth.methods"):
        lth.methods.MethodSearch(small.dense_model(), str(tmp_path))
    with pytest.raises(lth.LotteryError, match="does not take levels"):
        lth.methods.MethodSearch(dsd(small.dense_model()), str(tmp_path), levels=3)


@pytest.mark.slow
def test_an_experiment_carries_out_trials_of_a_method(tmp_path):
    def make_search(trial, directory):
        with compat.seeded(trial):
            method = lth.methods.EdgePopup(small.dense_model(), seed=trial)
        method.model.compile("sgd", "sparse_categorical_crossentropy")
        search = lth.methods.MethodSearch(method, directory, seed=trial, trial=trial)
        return search, {"x": small.X, "y": small.Y, "batch_size": 10}

    rows = lth.Experiment(make_search, 2, directory=str(tmp_path / "two")).run()
    assert [(row["trial"], row["density"]) for row in rows] == [(0, 0.5), (1, 0.5)]
    place = layout.ExperimentDirectory(str(tmp_path / "two"))
    first, second = (
        lth.Ticket.load(place.trial(trial).level(0).ticket) for trial in (0, 1)
    )
    assert first.fingerprint != second.fingerprint
