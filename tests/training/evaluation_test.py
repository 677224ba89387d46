"""Evaluation in mid-training against `model.evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training.evaluation import Evaluator
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data(45)
MANY = small.data(1300, seed=4)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    one = keras.Sequential(
        [
            layers.Dense(
                8,
                "relu",
                input_shape=(6,),
                kernel_regularizer="l2",
                activity_regularizer="l2",
            ),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3),
        ]
    )
    one.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
    )
    one.fit(X, Y, epochs=2, verbose=0)
    return one


def by_keras(model: keras.Model, *data, **arguments) -> dict[str, float]:
    return model.evaluate(*data, verbose=0, return_dict=True, **arguments)


def test_arrays_give_what_keras_gives(model) -> None:
    """More than one chunk, of unequal sizes; regularisation losses too."""
    found = Evaluator(model, MANY)()
    expected = by_keras(model, *MANY, batch_size=32)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=1e-5)


def test_sample_weights_and_double_precision_give_what_keras_gives(model) -> None:
    weight = np.linspace(0.0, 2.0, 1300)
    x = MANY[0].astype(np.float64)
    found = Evaluator(model, (x, MANY[1], weight))()
    expected = by_keras(model, x, MANY[1], sample_weight=weight, batch_size=100)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_dataset_gives_what_keras_gives(model) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(MANY).batch(64)
    expected = by_keras(model, dataset)
    evaluator = Evaluator(model, dataset)
    assert evaluator() == pytest.approx(expected, rel=1e-5)
    assert evaluator() == pytest.approx(expected, rel=1e-5)


def test_running_training_metrics_stay_as_they_were(model) -> None:
    model.reset_metrics()
    logs = model.train_on_batch(X, Y, return_dict=True)
    before = [v.numpy() for m in model.metrics for v in m.variables]
    weights = model.get_weights()
    Evaluator(model, MANY)()
    after = [v.numpy() for m in model.metrics for v in m.variables]
    assert small.same_bits(after, before)
    assert small.same_bits(model.get_weights(), weights)
    assert {m.name: float(m.result()) for m in model.metrics}["loss"] == pytest.approx(
        logs["loss"]
    )


@pytest.mark.slow
def test_targets_without_a_last_dimension_and_several_outputs() -> None:
    inputs = {"a": keras.Input((6,), name="a"), "b": keras.Input((2,), name="b")}
    merged = layers.Concatenate()([inputs["a"], inputs["b"]])
    model = keras.Model(
        inputs, {"r": layers.Dense(1, name="r")(merged), "c": layers.Dense(3)(merged)}
    )
    losses = {"r": "mse", "c": keras.losses.SparseCategoricalCrossentropy(True)}
    model.compile("sgd", losses, metrics={"r": ["mae"], "c": ["accuracy"]})
    x = {"a": X, "b": X[:, :2]}
    y = {"r": X[:, 0], "c": Y}
    model.fit(x, y, verbose=0)
    found = Evaluator(model, (x, y))()
    assert found == pytest.approx(by_keras(model, x, y), rel=1e-5)


def recurrent() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3, 2), batch_size=5)
    hidden = layers.SimpleRNN(4, stateful=True)(inputs)
    one = keras.Model(inputs, layers.Dense(3)(hidden))
    one.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    return one


@pytest.mark.slow
def test_a_stateful_model_goes_on_from_training_and_leaves_its_states() -> None:
    """In its own batches of 5, as `fit` validates; and again from the same states."""
    x, model, plain = X.reshape(-1, 3, 2), recurrent(), recurrent()
    for one in (model, plain):
        one.fit(x, Y, batch_size=5, shuffle=False, verbose=0)
    states = [v.numpy() for v in model.layers[1].states]
    assert np.abs(states).max() > 0
    evaluator = Evaluator(model, (x[:20], Y[:20]))
    first, second = evaluator(), evaluator()
    assert first == second
    assert small.same_bits([v.numpy() for v in model.layers[1].states], states)
    expected = by_keras(plain, x[:20], Y[:20], batch_size=5)
    assert first == pytest.approx(expected, rel=1e-6)
    with pytest.raises(LotteryError, match="23 examples are no whole number"):
        Evaluator(model, (x[:23], Y[:23]))


@pytest.mark.slow
def test_ragged_and_sparse_arrays_and_datasets_give_what_keras_gives() -> None:
    words = keras.Input((None,), ragged=True, dtype=tf.int64, name="r")
    counts = keras.Input((6,), sparse=True, name="s")
    embedded = layers.Embedding(9, 3)(words)
    mean = layers.Lambda(lambda t: tf.reduce_mean(t, 1))(embedded)
    merged = layers.Concatenate()([mean, layers.Dense(2)(counts)])
    model = keras.Model({"r": words, "s": counts}, layers.Dense(3)(merged))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    rows = [[k % 9] * (k % 4 + 1) for k in range(45)]
    x = {"r": tf.ragged.constant(rows, dtype=tf.int64), "s": tf.sparse.from_dense(X)}
    dataset = tf.data.Dataset.from_tensor_slices((x, Y)).batch(20)
    model.fit(dataset, verbose=0)
    expected = by_keras(model, dataset)
    assert Evaluator(model, dataset)() == pytest.approx(expected, rel=1e-5)
    assert Evaluator(model, (x, Y))() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("how", ["eager", pytest.param("jit", marks=pytest.mark.slow)])
def test_compiled_by_xla_and_run_eagerly(how: str) -> None:
    model = small.dense_model()
    model.compile("sgd", "mse", run_eagerly=how == "eager", jit_compile=how == "jit")
    y = np.eye(3, dtype=np.float32)[Y]
    model.fit(X, y, verbose=0)
    assert Evaluator(model, (X, y))() == pytest.approx(by_keras(model, X, y), rel=1e-5)


def test_inputs_alone_reach_a_test_step_as_they_are_all_or_the_first_of_them() -> None:
    class Own(keras.Model):
        def call(self, x):
            return x

        def test_step(self, data):
            return {"loss": tf.reduce_mean(data[:, 0])}

    model = Own()
    model.compile()
    whole = Evaluator(model, X)
    assert whole()["loss"] == pytest.approx(X[:, 0].mean(), rel=1e-5)
    assert whole.limited(7)()["loss"] == pytest.approx(X[:7, 0].mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (3, "got int"),
        ((X, list(Y)), "y is a list of int64"),
        ((X,), "got a tuple of 1"),
        ((X[:0], Y[:0]), "have 0 examples"),
        ((X, Y[:5]), "5 and 45 examples"),
        (tf.data.Dataset.from_tensors((X, Y)).repeat(), "has no end"),
    ],
)
def test_data_that_cannot_be_evaluated_on_are_refused(data, said: str) -> None:
    with pytest.raises(LotteryError, match=said):
        Evaluator(small.dense_model(), data)
