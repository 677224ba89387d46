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
from lth_keras.training.feeds import Feed
from tests.support import small_search as small

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
Y = RNG.normal(size=(300, 2)).astype("float32")


@pytest.fixture(autouse=True)
def criteria(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


def linear(**arguments) -> keras.Model:
    model = keras.Sequential(
        [layers.Dense(2, input_shape=(4,), **arguments), layers.Dropout(0.5)]
    )
    wrapped = lth.wrap(model, 0.5)
    wrapped.compile("sgd", "mse", metrics=["mae"])
    return wrapped


def summed() -> keras.Model:
    model = linear(kernel_regularizer=keras.regularizers.L2(2.0))
    model.compile("sgd", keras.losses.MeanSquaredError("sum"))
    return model


def decay(model: keras.Model) -> np.ndarray:
    return 2 * 2.0 * Network.of(model).pruned[0].read()


def classifying(directory, criterion: str) -> lth.LotterySearch:
    """One round of a linear classifier by |g|."""

    @lth.criteria.register(criterion, needs=("gradients",))
    def slope(initial, trained, rng, gradients):
        return np.abs(gradients)

    net = keras.Sequential([layers.Dense(2, use_bias=False, input_shape=(4,))])
    model = lth.wrap(net, 0.5, criterion=criterion)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return lth.LotterySearch(model, 1, str(directory))


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


ENDLESS = tf.data.Dataset.from_tensors((X, Y)).repeat()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X, Y[:3]), "arrays of 3 and 300 examples"),
        ((X[:0], Y[:0]), "data= has no batch"),
        ([], "data= has no batch"),
        ([X, Y], "data= is a list of arrays: pass the tuple"),
        (X, "data= is one ndarray: pass"),
        (tf.constant(X), "data= is one .*Tensor: pass"),
        ({"x": X}, "data= is one dict: pass"),
        (7, "data=7 holds no batches: pass"),
        ((X,), "data= has no targets"),
        ((X, None), "data= has no targets"),
        ((X, None, X[:, 0]), "data= has no targets"),
        (tf.data.Dataset.from_tensors(X), "data= has no targets"),
        ((X, Y, X[:, 0], X), "a batch of 4 parts: pass"),
        (([[1.0], [1.0, 2.0]], [1.0, 2.0]), "lists of different lengths"),
        ((X[:, :3], Y), "does not fit the model or its loss: .*4.*, 3"),
        ((X, Y[:, :1].astype(str)), "does not fit the model or its loss: .*Cast string to float"),
        (tf.data.Dataset.from_tensor_slices((X, X[:, 0])), "batch a Dataset"),
        (tf.data.Dataset.from_tensor_slices((X, Y)), "and a Dataset in batches"),
        (ENDLESS, r"without an end: .*data=dataset.take\(100\)"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_one_line(data, said):
    with pytest.raises(LotteryError, match=said) as caught:
        mean_gradients(Network.of(linear()), data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        (X, Y, None),
        (X.tolist(), Y.tolist()),
        [(X[:100], Y[:100]), [X[100:], Y[100:], None]],
        ENDLESS.take(2),
        (tf.constant(X), Y, np.ones(300)),
    ],
)
def test_data_in_other_clothes_are_the_same(data):
    model = linear()
    (found,) = mean_gradients(Network.of(model), data)
    np.testing.assert_allclose(found, by_hand(model), rtol=1e-5, atol=1e-7)


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
        sizes = [layers.Dense(64, "relu", input_shape=(4,)), layers.Dense(64, "relu")]
        net = keras.Sequential([*sizes, layers.Dense(2, dtype="float32")])
        found.append(lth.wrap(net, 0.5))
        found[-1].compile("sgd", "mse")
    return found


@pytest.mark.parametrize("scale", [None, 2.0**40])
def test_float16_finds_the_gradients_of_float32(monkeypatch, scale):
    """Also where the scale overflows at first.

    A float16 is rounded by 2**-11 of itself at most. A gradient passes a few of them,
    and their sums: 2% of a tensor's root mean square is above that.
    """
    if scale:
        monkeypatch.setattr(gradients, "_FLOAT16_SCALE", scale)
    data = (X * 1e-3, Y * 1e-2)
    mixed, single = half_and_single()
    found, wanted = (mean_gradients(Network.of(m), data) for m in (mixed, single))
    for one, other in zip(found, wanted, strict=True):
        error = np.sqrt(np.mean((one - other) ** 2))
        assert error < 0.02 * np.sqrt(np.mean(other**2))
        assert np.mean((one == 0) & (other != 0)) < 1e-3
    # What it is scaled for.
    monkeypatch.setattr(gradients, "_FLOAT16_SCALE", 1.0)
    lost = mean_gradients(Network.of(mixed), data)[0]
    assert np.mean((lost == 0) & (wanted[0] != 0)) > 0.1


def test_states_and_metrics_are_reset_also_after_an_error():
    cell = layers.LSTM(4, stateful=True, batch_input_shape=(10, 3, 2))
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


@pytest.mark.distributed
def test_two_replicas_find_the_gradients_of_one(in_own_process):
    in_own_process(on_two_replicas)


def test_class_weights_count_as_they_do_in_training(tmp_path):
    """Against the gradient of softmax cross-entropy in NumPy."""
    search = classifying(tmp_path, "slope")
    labels, weights = (Y[:, 0] > 0).astype("int64"), np.abs(Y[:, 1])
    classes = {0: 1.0, 1: 50.0}
    given = {"sample_weight": weights, "class_weight": classes}
    # Keras multiplies the two only where all batches have one size.
    plan, _, _ = search.plan_for(x=X, y=labels, batch_size=30, **given)
    (found,) = mean_gradients(search.network, search.pruning_data(plan, 1))
    scores = np.exp(X @ search.network.pruned[0].read())
    shares = scores / scores.sum(1, keepdims=True)
    each = (weights * np.where(labels, 50, 1))[:, np.newaxis]
    wanted = X.T @ (each * (shares - np.eye(2)[labels])) / len(X)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(LotteryError, match="class_weight={1: 2.0}: Expected"):
        search.plan_for(x=X, y=labels, class_weight={1: 2.0})
    with pytest.raises(LotteryError, match="class_weight=.* partially known") as caught:
        search.plan_for(x=X, y=labels, batch_size=32, **given)
    assert "\n" not in str(caught.value)


class Numbered(keras.utils.Sequence):
    """Ten batches, which notes which of them were asked for, and ends of epochs."""

    def __init__(self):
        super().__init__()
        self.asked, self.ends = [], 0

    def __len__(self):
        return 10

    def __getitem__(self, index):
        self.asked.append(index)
        part = slice(index * 30, index * 30 + 30)
        return X[part], (Y[part, 0] > 0).astype("int64")

    def on_epoch_end(self):
        self.ends += 1


@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 3.0}])
def test_the_first_batches_of_a_sequence_are_read_and_no_more(class_weight):
    sequence = Numbered()
    found = list(Feed(sequence).sample(1, 4, 0, class_weight))
    assert (sequence.asked, sequence.ends) == ([0, 1, 2, 3], 0)
    for index, (x, y, *weight) in enumerate(found):
        assert small.same_bits([x, y], sequence[index])
        if class_weight:
            assert small.same_bits(weight, [np.where(y, 3, 1).astype("float32")])
    assert len(list(Feed(sequence, steps_per_epoch=3).sample(1, 4, 0))) == 3


def test_a_search_on_a_sequence_prunes_by_gradients(tmp_path):
    search = classifying(tmp_path, "slope")
    search.fit(Numbered(), verbose=0)
    assert search.ticket(1).density == 0.5
    with pytest.raises(LotteryError, match="list_iterator cannot be read for gradients"):
        search.plan_for(x=iter([(X, Y)]), steps_per_epoch=1)


def test_callbacks_refuse_gradients_before_anything_trains(tmp_path):
    model = classifying(tmp_path, "slope").model
    before = model.get_weights()
    with pytest.raises(LotteryError, match="reads gradients.*use lth.LotterySearch"):
        model.fit(X, Y[:, 0] > 0, verbose=0, callbacks=[lth.PruneAndRewind()])
    assert small.same_bits(model.get_weights(), before)


def test_one_shot_finds_the_gradients_once_and_keeps_them_no_longer(
    tmp_path, monkeypatch
):
    calls = []

    def counted(*arguments):
        calls.append(arguments[0].model)
        return mean_gradients(*arguments)

    monkeypatch.setattr(masks, "mean_gradients", counted)
    search = classifying(tmp_path, "slope")
    search.fit(X, Y[:, 0] > 0, batch_size=30, verbose=0)
    held = len(masks._GRADIENTS)
    lth.controls.run(search, "one_shot", replicates=2)
    assert calls == [search.model] and len(masks._GRADIENTS) == held + 1
    search.restore(0)
    (wanted,) = mean_gradients(search.network, search.pruning_data(search.plan, 1))
    assert small.same_bits(masks._GRADIENTS[search.plan.feed], [wanted])
    search.plan = None
    gc.collect()
    assert len(masks._GRADIENTS) == held
