"""One training run: what it stores, and what it refuses to."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs import trained
from lth_keras.training import one_run
from tests.support import small_search as small

X, Y = small.data()


def searched(directory, **arguments):
    one = lth.LotterySearch(small.compiled(), 1, str(directory))
    one.fit(X, Y, batch_size=10, verbose=0, validation_data=(X, Y), **arguments)
    return one


def test_a_run_leaves_its_line_its_curve_and_its_weights(tmp_path) -> None:
    one = searched(tmp_path, test_data=(X, Y), train_data=(X, Y), evaluate_every=2)
    place = tmp_path / "level01"
    row = json.loads((place / "result.json").read_text())
    assert list(row) == [
        "trial", "level", "control", "replicate", "parameters", "density",
        "effective_density", "iterations", "early_stop_iteration",
        "early_stop_censored", "early_stop_test_accuracy", "test_accuracy",
        "validation_loss",
        "train_accuracy", "monitor_metric", "metrics", "early_stop_metrics",
        "initial_test_accuracy", "seconds", "seed",
    ]  # fmt: skip
    assert (row["level"], row["iterations"], row["density"]) == (1, 5, 51 / 72)
    expected = one.model.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"]
    assert row["train_accuracy"] == row["test_accuracy"] == pytest.approx(expected)
    curve = json.loads((place / "curve.json").read_text())
    assert curve["curve"]["iteration"] == [2, 4, 5]
    assert set(curve["final"]) == {
        f"{name}_{metric}"
        for name in ("val", "test", "train")
        for metric in ("loss", "accuracy")
    }
    assert len(curve["epochs"]["val_loss"]) == 1
    stored = trained.read(one.directory.level(1))
    assert small.same_bits(stored.values(), small.values(one.model))


@pytest.mark.slow
def test_a_line_says_what_the_masked_network_computes_untrained(tmp_path) -> None:
    one = searched(tmp_path, test_data=(X, Y))
    for level, row in enumerate(one.results):
        plain = small.compiled()
        one.ticket(level).apply(plain)
        expected = plain.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"]
        assert row["initial_test_accuracy"] == pytest.approx(expected)
    # Without test data nobody knows, and what lines say is as it was.
    other = searched(tmp_path / "other")
    assert [row["initial_test_accuracy"] for row in other.results] == [None, None]
    for mine, theirs in zip(one.results, other.results, strict=True):
        assert mine["train_accuracy"] == theirs["train_accuracy"]
        assert mine["validation_loss"] == theirs["validation_loss"]


@pytest.mark.slow
def test_weights_written_off_the_masks_while_training_are_found(tmp_path) -> None:
    class Dense(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.layers[0].layer.weights[0]
            kernel.assign(np.ones(kernel.shape))

    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    with pytest.raises(LotteryError, match="not on the masks: dense.*kernel"):
        one.fit(X, Y, verbose=0, callbacks=[Dense()])
    assert one.finished_levels == [0]


@pytest.mark.slow
def test_weights_that_a_callback_writes_as_training_begins_are_projected(
    tmp_path,
) -> None:
    """As load_weights of a dense checkpoint would be."""

    class Load(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            kernel = self.model.layers[0].layer.weights[0]
            kernel.assign(np.ones(kernel.shape))

    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    one.fit(X, Y, verbose=0, callbacks=[Load()])
    lth.verify(one.model)


def test_trained_weights_of_another_model_are_refused(tmp_path) -> None:
    one = searched(tmp_path)
    other = keras.Sequential([keras.layers.Dense(3, input_shape=(6,))])
    with pytest.raises(LotteryError, match="holds 8 weights, the model 2"):
        one_run.load_trained(Network.of(other), one.directory.level(1))
