"""Controls: the same mask and training, other starting weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.compat import keras
from lth_keras.controls import registry as transforms
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.storage import arrays
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()


def searched(directory, model=None, levels: int = 1, **arguments) -> lth.LotterySearch:
    one = lth.LotterySearch(
        model or small.compiled(), levels, str(directory), **arguments
    )
    one.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    return one


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
    one = searched(tmp_path, model, rewind_to="2it")
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


def test_random_reinit_leaves_adapted_preprocessing_alone(tmp_path) -> None:
    normalization = layers.Normalization(input_shape=(6,))
    normalization.adapt(X)
    plain = keras.Sequential([normalization, layers.Dense(3)])
    one = searched(tmp_path, small.compiled(plain))
    control = reinit(one, one.ticket(1), 1)
    found = {w.name: w.value for w in control.weights}
    np.testing.assert_allclose(found["mean"], X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["variance"], X.var(0), rtol=1e-5)


def test_random_reinit_works_after_recurrent_dropout_has_trained(tmp_path) -> None:
    # Keras's own walk over submodules raises from then on.
    plain = keras.Sequential(
        [
            layers.Reshape((3, 2), input_shape=(6,)),
            layers.LSTM(4, recurrent_dropout=0.5),
            layers.Dense(3),
        ]
    )
    one = searched(tmp_path, small.compiled(plain))
    control = reinit(one, one.ticket(1), 1)
    assert control.densities == one.ticket(1).densities
    assert not np.array_equal(control.weights[0].value, one.ticket(1).weights[0].value)


def test_a_control_follows_its_seed_alone(tmp_path) -> None:
    one = searched(tmp_path)
    ticket = one.ticket(1)
    first = reinit(one, ticket, 1)
    keras.utils.set_random_seed(99)
    assert reinit(one, ticket, 1).fingerprint == first.fingerprint
    assert reinit(one, ticket, 2).fingerprint != first.fingerprint


def test_controls_are_run_at_each_level_and_stored_with_the_search(tmp_path) -> None:
    model = small.compiled()
    one = searched(tmp_path, model, levels=2)
    trained = small.values(model)
    rows = controls.run(one, "random_reinit", replicates=2)
    assert [(r["level"], r["replicate"]) for r in rows] == [
        (1, 0), (1, 1), (2, 0), (2, 1)
    ]  # fmt: skip
    assert {r["control"] for r in rows} == {"random_reinit"}
    by_level = {
        r["level"]: r["density"] for r in one.results if r["control"] == "ticket"
    }
    assert all(r["density"] == by_level[r["level"]] for r in rows)
    assert [r["control"] for r in one.results] == ["ticket"] * 3 + ["random_reinit"] * 4
    assert controls.run(one, "random_reinit", replicates=2) == rows
    assert len(set(small.fingerprints(tmp_path))) == 7
    assert small.same_bits(small.values(model), trained), "the search's last level"
    lth.verify(model)


def test_controls_of_one_seed_agree_in_another_run(tmp_path) -> None:
    for name in "ab":
        one = searched(tmp_path / name, small.compiled(small.dense_model(dropout=0.3)))
        controls.run(one, "random_reinit", levels=[1])
    assert small.lines(tmp_path / "a") == small.lines(tmp_path / "b")
    assert small.fingerprints(tmp_path / "a") == small.fingerprints(tmp_path / "b")


def test_a_control_of_ones_own_is_a_function_of_the_ticket(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(transforms, "REGISTRY", dict(transforms.REGISTRY))

    @controls.register("rewound_dense")
    def rewound_dense(search, case, seed, *, scale: float = 1.0):
        assert scale == 3.0
        weights = search.ticket(0).weights
        return case._replace(ticket=dataclasses.replace(case.ticket, weights=weights))

    one = searched(tmp_path)
    (row,) = controls.run(one, "rewound_dense:scale=3", levels=[1])
    assert (row["control"], row["density"]) == ("rewound_dense", 1.0)
    assert row["parameters"] == {"scale": 3.0}
    assert "rewound_dense" in syntax.names()


def test_what_cannot_be_run_is_refused(tmp_path) -> None:
    one = searched(tmp_path)
    with pytest.raises(LotteryError, match="'nothing' is not known: use one of"):
        controls.run(one, "nothing")
    with pytest.raises(LotteryError, match="level 7 has no ticket"):
        controls.run(one, "random_reinit", levels=[7])
    with pytest.raises(LotteryError, match="replicates=0"):
        controls.run(one, "random_reinit", replicates=0)
    with pytest.raises(LotteryError, match="call search.fit"):
        controls.run(lth.LotterySearch.load(str(tmp_path)), "random_reinit")


def test_fine_tuning_trains_at_the_schedules_last_rate(tmp_path) -> None:
    """Against gradient steps by hand at that rate, on the same batches."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 3], [0.5, 0.2, 0.1]
    )
    plain = keras.Sequential([layers.Dense(3, input_shape=(6,))])
    model = small.compiled(plain, keras.optimizers.SGD(schedule))
    one = searched(tmp_path, model)
    traced = model.train_function
    controls.run(one, "fine_tune", levels=[1])
    assert model.train_function is traced
    place = one.directory.control("fine_tune", 1)
    (kernel, bias), mask = one.trained_weights(0), one.ticket(1).weights[0].mask
    kernel = small.masked(kernel, mask).astype(np.float64)
    bias = bias.astype(np.float64)
    seed = syntax.seed_of(0, "fine_tune", 1, 0)
    for x, y in one.plan.feed.dataset(1, 0, seed).take(5).as_numpy_iterator():
        logits = x @ kernel + bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        kernel -= 0.1 * (x.T @ p / len(y)) * mask
        bias -= 0.1 * p.mean(0)
    found = list(arrays.read_arrays(place.trained_weights).values())
    np.testing.assert_allclose(found[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], bias, rtol=1e-4, atol=1e-6)


def test_fine_tuning_holds_the_rate_of_the_last_step(tmp_path) -> None:
    """Past its end a cosine is 0, and would not train at all."""
    schedule = keras.optimizers.schedules.CosineDecay(0.5, 5)
    plain = keras.Sequential([layers.Dense(3, input_shape=(6,))])
    one = searched(tmp_path, small.compiled(plain, keras.optimizers.SGD(schedule)))
    controls.run(one, "fine_tune", levels=[1])
    place = one.directory.control("fine_tune", 1)
    begun = lth.Ticket.load(place.ticket).weights[0].value
    ended = next(iter(arrays.read_arrays(place.trained_weights).values()))
    rate = 0.5 * (1 + np.cos(np.pi * 4 / 5)) / 2
    assert 0 < np.abs(ended - begun).max() < 5 * rate * np.abs(X).max()


def test_the_search_is_restored_though_a_killed_run_left_its_directory(
    tmp_path,
) -> None:
    model = small.compiled()
    one = searched(tmp_path, model)
    trained = small.values(model)
    one.ticket(1).save(one.directory.control("random_mask", 1).ticket)
    controls.run(one, "random_mask", levels=[1])
    assert small.same_bits(small.values(model), trained)


def test_callbacks_of_fine_tuning_see_the_epochs_after_the_last(tmp_path) -> None:
    epochs = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append(epoch)
    )
    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[seen])
    controls.run(one, "fine_tune")
    controls.run(one, "lr_rewind")
    assert epochs == [0, 1, 0, 1, 2, 3, 0, 1]


def test_controls_run_while_the_search_is_not_finished(tmp_path) -> None:
    """As in another process, which knows the search by its directory."""
    one = lth.LotterySearch(small.compiled(), 2, str(tmp_path))

    def stop(level):
        if level == 2:
            raise KeyboardInterrupt
        return []

    arguments = dict(x=X, y=Y, batch_size=10, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        one.fit(**arguments, callbacks=stop)
    other = lth.LotterySearch(small.compiled(), 2, str(tmp_path))
    other.prepare(**arguments)
    (row,) = controls.run(other, "random_reinit", levels=[1])
    whole = searched(tmp_path / "whole", levels=2)
    controls.run(whole, "random_reinit", levels=[1])
    (expected,) = [
        r for r in small.lines(tmp_path / "whole") if r["control"] != "ticket"
    ]
    assert {**row, "seconds": None} == {**expected, "seconds": None}
    with pytest.raises(LotteryError, match="other settings: batch_size"):
        other.prepare(X, Y, batch_size=9)
    nowhere = lth.LotterySearch(small.compiled(), 2, str(tmp_path / "none"))
    with pytest.raises(LotteryError, match="holds no search"):
        nowhere.prepare(**arguments)
