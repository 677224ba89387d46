"""Mean gradients against NumPy's, and a criterion that reads them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.gradients import mean_gradients
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
Y = RNG.normal(size=(300, 2)).astype("float32")


@pytest.fixture(autouse=True)
def criteria(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


def linear(**arguments) -> keras.Model:
    model = keras.Sequential(
        [layers.Dense(2, input_shape=(4,), **arguments), layers.Dropout(0.5)]
    )
    wrapped = lth.wrap(model, 0.5)
    wrapped.compile("sgd", "mse", metrics=["mae"])
    return wrapped


def by_hand(model: keras.Model, x=X, y=Y) -> np.ndarray:
    """Of the mean over examples and outputs of (x w - y)^2."""
    kernel = Network.of(model).pruned[0].read().astype(np.float64)
    return 2 * x.T @ (x @ kernel - y) / y.size


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


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X, Y[:3]), "arrays of 3 and 300 examples"),
        ((X[:0], Y[:0]), "data= has no batch"),
        ([], "data= has no batch"),
    ],
)
def test_data_that_say_nothing_are_refused(data, said):
    with pytest.raises(LotteryError, match=said):
        mean_gradients(Network.of(linear()), data)


def test_a_model_without_a_loss_is_refused():
    model = lth.wrap(keras.Sequential([layers.Dense(2, input_shape=(4,))]), 0.5)
    with pytest.raises(LotteryError, match="call model.compile first"):
        mean_gradients(Network.of(model), (X, Y))
