"""Whole searches on data of every kind that plain `fit` takes, against plain `fit`."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from tests.support import small_search as small
from tests.support.processes import run_python
from tests.support.small_search import VALIDATION, X, Y, search

layers = keras.layers
SPARSE_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ROWS = tf.ragged.constant([[k % 9] * (k % 4 + 1) for k in range(40)], dtype=tf.int64)
COUNTS = tf.sparse.from_dense(X[:40])
SERIES = np.random.default_rng(0).normal(size=(40, 3, 2)).astype(np.float32)


def ragged_model() -> keras.Model:
    with compat.seeded(1):
        return keras.Sequential(
            [
                keras.Input((None,), dtype=tf.int64, ragged=True),
                layers.Embedding(9, 4),
                layers.Lambda(lambda t: tf.reduce_mean(t, axis=1)),
                layers.Dense(3),
            ]
        )


def sparse_model() -> keras.Model:
    with compat.seeded(1):
        return keras.Sequential([keras.Input((6,), sparse=True), layers.Dense(3)])


def recurrent_model() -> keras.Model:
    with compat.seeded(1):
        inputs = keras.Input((3, 2), batch_size=8)
        hidden = layers.SimpleRNN(5, stateful=True)(inputs)
        return keras.Model(inputs, layers.Dense(3)(hidden))


def wrapped(plain: keras.Model) -> keras.Model:
    return small.compiled(plain, keras.optimizers.SGD(0.1))


def trained(make, directory, data, **arguments) -> lth.LotterySearch:
    """A search of one round, whose level 0 is compared with plain `fit`."""
    given = {"verbose": 0, "shuffle": False, **arguments}
    one = search(wrapped(make()), directory, 1)
    one.fit(*data, **given)
    plain = make()
    plain.compile(keras.optimizers.SGD(0.1), SPARSE_LOSS)
    given.pop("test_data", None)
    history = plain.fit(*data, **given).history
    for found, expected in zip(
        one.trained_weights(0), plain.get_weights(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if "validation_data" in given:
        losses = one.history.curves[0]["val_loss"]
        np.testing.assert_allclose(losses, history["val_loss"], rtol=1e-5)
    return one


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("make", "x", "in_memory"),
    [
        (sparse_model, COUNTS, False),
        pytest.param(sparse_model, COUNTS, True, marks=slow),
        pytest.param(ragged_model, ROWS, False, marks=slow),
        pytest.param(ragged_model, ROWS, True, marks=slow),
    ],
)
def test_ragged_and_sparse_examples_train_as_with_fit(
    make, x, in_memory: bool, tmp_path
) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((x, Y[:40])).batch(16)
    data = (x, Y[:40]) if in_memory else (dataset,)
    options = {"batch_size": 16} if in_memory else {}
    held = data if in_memory else dataset
    one = trained(make, tmp_path, data, epochs=2, validation_data=held, **options)
    assert one.ticket(1).density < 1.0


@pytest.mark.slow
def test_frames_train_as_with_fit_and_as_their_arrays(tmp_path) -> None:
    def frames(x, y):
        return pandas.DataFrame(x), pandas.Series(y)

    options = {"epochs": 2, "batch_size": 10}
    held = frames(*VALIDATION)
    one = trained(
        small.dense_model, tmp_path, frames(X, Y), validation_data=held, **options
    )
    resumed = search(one.model, tmp_path, 1)
    resumed.fit(
        X,
        Y[:, None],
        validation_data=(VALIDATION[0], VALIDATION[1][:, None]),
        verbose=0,
        shuffle=False,
        **options,
    )


@slow
def test_lists_of_numbers_train_as_with_fit(tmp_path) -> None:
    data = (X.tolist(), Y.tolist())
    trained(small.dense_model, tmp_path, data, batch_size=10)


STATEFUL = {
    "batch_size": 8,
    "validation_data": (SERIES[:16], Y[:16]),
    "test_data": (SERIES[:16], Y[:16]),
}


@pytest.mark.slow
def test_a_stateful_model_of_a_fixed_batch_trains_as_with_fit(tmp_path) -> None:
    one = trained(recurrent_model, tmp_path, (SERIES, Y[:40]), **STATEFUL)
    # One batch size for all: the search takes the model's where none is given.
    given = {name: value for name, value in STATEFUL.items() if name != "batch_size"}
    again = search(wrapped(recurrent_model()), tmp_path, 1)
    again.fit(SERIES, Y[:40], verbose=0, shuffle=False, **given)
    assert again.results == one.results


@slow
def test_a_stateful_search_that_goes_on_ends_as_one_never_stopped(tmp_path) -> None:
    """The states of its layers are stored nowhere: each level begins without any."""

    def stop(row) -> None:
        raise KeyboardInterrupt

    found = []
    for name, on_result in (("whole", None), ("cut", stop), ("cut", None)):
        one = search(
            wrapped(recurrent_model()), tmp_path / name, 1, on_result=on_result
        )
        try:
            one.fit(SERIES, Y[:40], verbose=0, shuffle=False, **STATEFUL)
            found.append(one.trained_weights(1))
        except KeyboardInterrupt:
            assert one.finished_levels == [0]
    assert small.lines(tmp_path / "whole") == small.lines(tmp_path / "cut")
    assert small.same_bits(*found)


PEAK = """
    import os, resource, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import lth_keras as lth
    from lth_keras.compat import keras

    how, directory = sys.argv[1:]
    x, y = (np.zeros((300, 128, 128, n), "float32") for n in (3, 1))
    model = lth.wrap(keras.Sequential([
        keras.Input((128, 128, 3)),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(1, 1),
    ]))
    model.compile("sgd", "mse")
    options = dict(batch_size=8, verbose=0, validation_data=(x, y))
    if how == "fit":
        model.fit(x[:16], y[:16], **options)
    else:
        lth.LotterySearch(model, 0, directory).fit(x[:16], y[:16], **options)
    print("MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_evaluation_takes_about_the_memory_of_fit(tmp_path) -> None:
    peaks = {}
    for how in ("fit", "search"):
        done = run_python(PEAK, how, str(tmp_path / "run"))
        assert "MiB" in done.stdout, done.stderr[-500:]
        peaks[how] = int(done.stdout.split("MiB")[1])
    assert peaks["search"] < 1.4 * peaks["fit"], peaks
