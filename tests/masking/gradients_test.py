"""Mean gradients against NumPy's, and a criterion that reads them."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.controls import masks
from lth_keras.errors import LotteryError
from lth_keras.masking import gradients
from lth_keras.masking.gradients import mean_gradients
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry
from tests.support import small_search as small
from tests.support.gradient_cases import X, Y, by_hand, classifying, linear

layers = keras.layers


@pytest.fixture(autouse=True)
def criteria(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


def summed() -> keras.Model:
    model = linear(kernel_regularizer=keras.regularizers.L2(2.0))
    model.compile("sgd", keras.losses.MeanSquaredError("sum"))
    return model


def decay(model: keras.Model) -> np.ndarray:
    return 2 * 2.0 * Network.of(model).pruned[0].read()


def test_the_gradient_is_the_mean_over_all_examples_without_dropout():
    model = linear()
    (found,) = mean_gradients(Network.of(model), (X, Y))
    np.testing.assert_allclose(found, by_hand(model), rtol=1e-5, atol=1e-7)
    # Batches of other sizes, the last one shorter.
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(7)
    (again,) = mean_gradients(Network.of(model), batches)
    np.testing.assert_allclose(again, found, rtol=1e-5, atol=1e-7)


def test_pruned_entries_have_no_gradient_and_nothing_changes():
    model = linear()
    lth.prune(model)
    before = [w.numpy().tolist() for w in model.weights]
    (found,) = mean_gradients(Network.of(model), (X, Y))
    mask = Network.of(model).masks[0]
    assert not found[~mask].any() and found[mask].all()
    assert [w.numpy().tolist() for w in model.weights] == before
    assert all(float(metric.result()) == 0 for metric in model.metrics)


def test_a_criterion_of_gradients_prunes_by_them():
    """SNIP's score, |g w|, by hand."""

    @lth.criteria.register("sensitivity", needs=("gradients",))
    def sensitivity(initial, trained, rng, gradients):
        return np.abs(trained * gradients)

    model = lth.wrap(
        keras.Sequential([layers.Dense(2, input_shape=(4,))]),
        0.5,
        criterion="sensitivity",
    )
    model.compile("sgd", "mse")
    (weight,) = Network.of(model).pruned
    score = np.abs(weight.read() * by_hand(model)).reshape(-1)
    with pytest.raises(LotteryError, match="reads gradients: pass the data"):
        lth.prune(model)
    assert weight.read_mask().all()
    assert lth.prune(model, data=(X, Y)) == 0.5
    best = sorted(np.argsort(-score)[:4].tolist())
    assert np.flatnonzero(weight.read_mask()).tolist() == best


@pytest.mark.slow
def test_a_search_and_one_shot_prune_by_gradients(tmp_path):
    @lth.criteria.register("slope", needs=("initial", "gradients"))
    def slope(initial, trained, rng, gradients):
        return np.abs(gradients) + 0 * initial

    model = lth.wrap(
        keras.Sequential([layers.Dense(2, input_shape=(4,))]), 0.5, criterion="slope"
    )
    model.compile("sgd", "mse")
    search = lth.LotterySearch(model, 2, str(tmp_path))
    search.fit(X, Y, batch_size=30, verbose=0)
    assert [search.ticket(n).density for n in range(3)] == [1, 0.5, 0.25]
    lth.controls.run(search, "one_shot", levels=[1])
    # After one round both know the same gradients: of the trained dense network.
    other = lth.Ticket.load(search.directory.control("one_shot", 1).ticket)
    assert other.overlap(search.ticket(1)) == {"dense/kernel": 1.0}


def test_a_model_without_a_loss_is_refused():
    model = lth.wrap(keras.Sequential([layers.Dense(2, input_shape=(4,))]), 0.5)
    with pytest.raises(LotteryError, match="call model.compile first"):
        mean_gradients(Network.of(model), (X, Y))


def test_frozen_layers_have_gradients_too():
    model = linear()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    (found,) = mean_gradients(Network.of(model), (X, Y))
    np.testing.assert_allclose(found, by_hand(model), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("size", [7, 100])
def test_a_sum_is_the_mean_over_batches_with_the_whole_regulariser(size):
    model = summed()
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(size)
    (found,) = mean_gradients(Network.of(model), batches)
    wanted = by_hand(model) * len(X) / -(-len(X) // size) + decay(model)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_losses_without_one_mean_are_refused():
    out = [layers.Dense(2, name=name) for name in "ab"]
    shared = keras.Input((4,))
    both = keras.Model(shared, [layer(shared) for layer in out])
    losses = keras.losses.MeanSquaredError
    for model, loss, said in [
        (lth.wrap(both, 0.5), [losses("sum"), losses()], "reduction auto and sum"),
        (linear(), losses("none"), "reduction none"),
    ]:
        model.compile("sgd", loss)
        with pytest.raises(LotteryError, match=said):
            mean_gradients(Network.of(model), (X, Y))


def half_and_single() -> list[keras.Model]:
    """One network computed in float16 and in float32, with small gradients."""
    found = []
    for policy in ("mixed_float16", "float32"):
        keras.mixed_precision.set_global_policy(policy)
        keras.utils.set_random_seed(1)
        sizes = [layers.Dense(64, "tanh", input_shape=(4,)), layers.Dense(64, "tanh")]
        net = keras.Sequential([*sizes, layers.Dense(2, dtype="float32")])
        found.append(lth.wrap(net, 0.5))
        found[-1].compile("sgd", "mse")
    return found


@pytest.mark.parametrize("scale", [pytest.param(None, marks=pytest.mark.slow), 2.0**40])
def test_float16_finds_the_gradients_of_float32(monkeypatch, scale):
    """Also where the scale overflows at first.

    A float16 is rounded by 2**-11 of itself at most, and four of them are passed on the
    way. (A ReLU that rounding switches would count wholly, so there is none.)
    """
    if scale:
        monkeypatch.setattr(gradients, "_FLOAT16_SCALE", scale)
    data = (X * 1e-3, Y * 1e-2)
    mixed, single = half_and_single()
    found, wanted = (mean_gradients(Network.of(m), data) for m in (mixed, single))
    for one, other in zip(found, wanted, strict=True):
        error = np.sqrt(np.mean((one - other) ** 2))
        assert error < 4 * 2**-11 * np.sqrt(np.mean(other**2))
        assert np.mean((one == 0) & (other != 0)) < 1e-3
    # What it is scaled for.
    monkeypatch.setattr(gradients, "_FLOAT16_SCALE", 1.0)
    lost = mean_gradients(Network.of(mixed), data)[1]
    assert np.mean((lost == 0) & (wanted[1] != 0)) > 0.1


@pytest.mark.slow
def test_states_and_metrics_are_reset_also_after_an_error():
    cell = layers.SimpleRNN(4, stateful=True, batch_input_shape=(10, 3, 2))
    model = lth.wrap(keras.Sequential([cell, layers.Dense(1)]), 0.5)
    model.compile("sgd", "mse", metrics=["mae"])
    network = Network.of(model)
    good = (np.ones((10, 3, 2), "float32"), np.ones((10, 1), "float32"))

    def check_reset() -> None:
        states = model.layers[0].layer.states
        assert not any(np.any(keras.backend.get_value(s)) for s in states)
        assert all(float(metric.result()) == 0 for metric in model.metrics)

    first = mean_gradients(network, [good, good])
    check_reset()
    model.predict(good[0], verbose=0)
    assert small.same_bits(mean_gradients(network, [good, good]), first)
    with pytest.raises(LotteryError, match="data= does not fit the model"):
        mean_gradients(network, [good, (good[0][:, :, :1], good[1])])
    check_reset()


def on_two_replicas() -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(100)
    for make in (linear, summed):
        alone = make()
        with strategy.scope():
            both = make()
        for mine, other in zip(
            Network.of(both).weights, Network.of(alone).weights, strict=True
        ):
            mine.write(other.read())
        (found,) = mean_gradients(Network.of(both), data)
        (wanted,) = mean_gradients(Network.of(alone), data)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
        assert all(float(metric.result()) == 0 for metric in both.metrics)
    both.fit(X, Y, verbose=0)


@pytest.mark.slow
@pytest.mark.distributed
def test_two_replicas_find_the_gradients_of_one(in_own_process):
    in_own_process(on_two_replicas)


def test_callbacks_refuse_gradients_before_anything_trains(tmp_path):
    model = classifying(tmp_path, "slope").model
    before = model.get_weights()
    with pytest.raises(LotteryError, match="reads gradients.*use lth.LotterySearch"):
        model.fit(X, Y[:, 0] > 0, verbose=0, callbacks=[lth.PruneAndRewind()])
    assert small.same_bits(model.get_weights(), before)


@pytest.mark.slow
def test_one_shot_finds_the_gradients_once_and_keeps_them_no_longer(
    tmp_path, monkeypatch
):
    calls = []

    def counted(*arguments):
        calls.append(arguments[0].model)
        return mean_gradients(*arguments)

    search = classifying(tmp_path, "slope")
    monkeypatch.setattr(type(search.network), "mean_gradients", counted)
    search.fit(X, Y[:, 0] > 0, batch_size=30, verbose=0)
    gc.collect()  # Of what other tests have held.
    held = len(masks._GRADIENTS)
    lth.controls.run(search, "one_shot", replicates=2)
    assert calls == [search.model] and len(masks._GRADIENTS) == held + 1
    search.restore(0)
    (wanted,) = mean_gradients(search.network, search.pruning_data(search.plan, 1))
    assert small.same_bits(masks._GRADIENTS[search.plan.feed], [wanted])
    search.plan = None
    gc.collect()
    assert len(masks._GRADIENTS) == held
