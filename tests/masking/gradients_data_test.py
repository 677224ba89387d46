"""What mean gradients can be of: arrays, batches and the data of a search."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.gradients import mean_gradients
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry
from lth_keras.training.feeds import Feed
from tests.support import small_search as small
from tests.support.gradient_cases import X, Y, by_hand, classifying, linear


@pytest.fixture(autouse=True)
def criteria(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


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
        (
            (X, Y[:, :1].astype(str)),
            "not fit .* loss: .*Cast string to float",
        ),
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
    with pytest.raises(LotteryError, match=r"has the classes \[1\]: give a dict"):
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
    with pytest.raises(LotteryError, match="iterator cannot be read for gradients"):
        search.plan_for(x=iter([(X, Y)]), steps_per_epoch=1)
