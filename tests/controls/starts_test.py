"""Controls of other initial weights: redrawn from where they say, with noise."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.compat import keras
from lth_keras.controls import syntax
from tests.support import small_search as small
from tests.support.control_cases import LEVEL, X, applied, masks, search, values

layers = keras.layers


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


@pytest.mark.slow
def test_noise_has_the_standard_deviation_asked_for_on_the_kept_weights(tmp_path):
    plain = keras.Sequential([keras.layers.Dense(900, input_shape=(6,), name="d"),
                              keras.layers.Dense(3)])  # fmt: skip
    one = search(tmp_path, small.compiled(plain), levels=1)
    ticket = one.ticket(1)
    found = applied(one, "noise:sigma=2", level=1).ticket
    initial, kept = one.ticket(0).weights[0].value, ticket.weights[0].mask
    added = (found.weights[0].value - ticket.weights[0].value)[kept]
    assert added.std() == pytest.approx(2 * initial.std(), rel=0.05)
    assert abs(added.mean()) < 0.05 * initial.std()
    assert not found.weights[0].value[~kept].any()
    # Biases get none.
    np.testing.assert_array_equal(found.weights[1].value, ticket.weights[1].value)
    assert found.weights[0].value.dtype == np.float32


def test_reinit_from_the_survivors_draws_their_initial_values(searched):
    ticket = searched.ticket(LEVEL)
    found = applied(searched, "random_reinit:source=survivors").ticket
    initial = values(searched.ticket(0))
    for index, mask in enumerate(masks(ticket)):
        if mask is None:
            continue
        pool = set(initial[index][mask].tolist())
        drawn = found.weights[index].value[mask]
        assert set(drawn.tolist()) <= pool
        assert not np.array_equal(drawn, initial[index][mask])
        assert np.array_equal(found.weights[index].mask, mask)
    assert found.step == 0


def reinit(one: lth.LotterySearch, ticket: lth.Ticket, seed: int) -> lth.Ticket:
    case = controls.Case(ticket, one.plan)
    return syntax.parse("random_reinit").apply(one, case, seed).ticket


def test_random_reinit_draws_new_weights_onto_the_same_mask(tmp_path) -> None:
    """From the layers' own distributions; the optimizer starts afresh."""
    plain = keras.Sequential(
        [
            layers.Dense(
                300,
                "relu",
                input_shape=(6,),
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=4),
            ),
            layers.BatchNormalization(),
            layers.Dense(
                3, kernel_initializer=keras.initializers.GlorotUniform(seed=5)
            ),
        ]
    )
    model = small.compiled(plain)
    one = search(tmp_path, model, rewind_to="2it", levels=1)
    ticket = one.ticket(1)
    control = reinit(one, ticket, 11)
    for ours, theirs in zip(control.weights, ticket.weights, strict=True):
        assert (ours.mask is None) == (theirs.mask is None)
        if ours.mask is not None:
            np.testing.assert_array_equal(ours.mask, theirs.mask)
            assert not np.any(ours.value[~ours.mask])
            assert not np.any(ours.value[ours.mask] == theirs.value[ours.mask])
    normal = control.weights[0].value[control.weights[0].mask]
    assert normal.std() == pytest.approx(0.5, rel=0.1)
    assert abs(normal.mean()) < 0.05
    uniform = control.weights[-2].value[control.weights[-2].mask]
    bound = np.sqrt(6 / 303)
    assert 0.97 * bound < np.abs(uniform).max() <= bound
    # Biases and normalisation parameters as they are drawn: constants here.
    gamma, beta, mean, variance = (w.value for w in control.weights[2:6])
    assert (set(gamma), set(beta)) == ({1.0}, {0.0})
    assert (set(mean), set(variance)) == ({0.0}, {1.0})
    assert (control.step, ticket.step) == (0, 2)
    assert control.optimizer.keys() == one.ticket(0).optimizer.keys()
    assert control.density == ticket.density


@pytest.mark.slow
def test_random_reinit_leaves_adapted_preprocessing_alone(tmp_path) -> None:
    normalization = layers.Normalization(input_shape=(6,))
    normalization.adapt(X)
    plain = keras.Sequential([normalization, layers.Dense(3)])
    one = search(tmp_path, small.compiled(plain), levels=1)
    control = reinit(one, one.ticket(1), 1)
    found = {w.name: w.value for w in control.weights}
    np.testing.assert_allclose(found["mean"], X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["variance"], X.var(0), rtol=1e-5)


@pytest.mark.slow
def test_random_reinit_works_after_recurrent_dropout_has_trained(tmp_path) -> None:
    # Keras's own walk over submodules raises from then on.
    plain = keras.Sequential(
        [
            layers.Reshape((3, 2), input_shape=(6,)),
            layers.LSTM(4, recurrent_dropout=0.5),
            layers.Dense(3),
        ]
    )
    one = search(tmp_path, small.compiled(plain), levels=1)
    control = reinit(one, one.ticket(1), 1)
    assert control.densities == one.ticket(1).densities
    assert not np.array_equal(control.weights[0].value, one.ticket(1).weights[0].value)


def test_a_control_follows_its_seed_alone(tmp_path) -> None:
    one = search(tmp_path, levels=1)
    ticket = one.ticket(1)
    first = reinit(one, ticket, 1)
    keras.utils.set_random_seed(99)
    assert reinit(one, ticket, 1).fingerprint == first.fingerprint
    assert reinit(one, ticket, 2).fingerprint != first.fingerprint
