"""Result lines hold every metric by name, against Keras's own evaluation."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.runs import tables
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()
TX, TY = small.TEST


def two_heads() -> keras.Model:
    """Heads with an accuracy each; the loss of one has a name with "acc" in it."""
    inputs = layers.Input((6,))
    hidden = layers.Dense(8, "relu")(inputs)
    outputs = {
        "vaccine": layers.Dense(3, name="vaccine")(hidden),
        "parity": layers.Dense(2, name="parity")(hidden),
    }
    model = lth.wrap(keras.Model(inputs, outputs), 0.3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        "sgd",
        {name: loss for name in outputs},
        metrics={name: ["accuracy"] for name in outputs},
        run_eagerly=True,  # Nothing is traced for three batches.
    )
    return model


def labels(y: np.ndarray) -> dict[str, np.ndarray]:
    return {"vaccine": y, "parity": y % 2}


def fit(search: lth.LotterySearch, **arguments) -> lth.SearchHistory:
    given = {
        "batch_size": 15,
        "verbose": 0,
        "validation_data": (TX, labels(TY)),
        "test_data": (TX, labels(TY)),
    }
    return search.fit(X, labels(Y), **{**given, **arguments})


def test_every_metric_of_every_head_is_in_the_line_by_its_name(tmp_path) -> None:
    model = two_heads()
    shown = {"monitor_metric": "vaccine_accuracy", "monitor": "val_vaccine_loss"}
    search = lth.LotterySearch(model, 1, tmp_path, **shown)
    history = fit(search, train_data=(X, labels(Y)))
    row = history.results[1]
    for data, x, y in (("test", TX, TY), ("train", X, Y)):
        wanted = model.evaluate(x, labels(y), verbose=0, return_dict=True)
        for name, value in wanted.items():
            assert row["metrics"][f"{data}_{name}"] == pytest.approx(value, abs=1e-6)
        assert len(wanted) == 5
    assert row["monitor_metric"] == "vaccine_accuracy"
    assert row["test_accuracy"] == row["metrics"]["test_vaccine_accuracy"]
    assert row["train_accuracy"] == row["metrics"]["train_vaccine_accuracy"]
    curve = json.loads((tmp_path / "level01" / "curve.json").read_text())["curve"]
    assert row["early_stop_metrics"] == {
        name: values[0] for name, values in curve.items() if name != "iteration"
    }
    text = " ".join(str(history).split())
    assert "accuracy: vaccine_accuracy on the test data" in text
    other = tables.table(history.results, "parity_accuracy")
    assert f"{100 * row['metrics']['test_parity_accuracy']:.2f}" in other


@pytest.mark.slow
def test_the_metric_that_is_shown_may_be_another_when_a_search_goes_on(
    tmp_path,
) -> None:
    fit(lth.LotterySearch(two_heads(), 0, tmp_path))
    search = lth.LotterySearch(two_heads(), 0, tmp_path, monitor_metric="loss")
    row = fit(search).results[0]
    # Without a choice it is the first accuracy; the heads stand by name.
    assert row["monitor_metric"] == "parity_accuracy"
    assert row["test_accuracy"] == row["metrics"]["test_parity_accuracy"]


def test_a_metric_that_the_model_does_not_compute_is_refused_at_once(tmp_path) -> None:
    for wrong in ("accuracy", 3):
        search = lth.LotterySearch(
            two_heads(), 1, tmp_path / "run", monitor_metric=wrong
        )
        with pytest.raises(LotteryError, match="use one of loss, .*parity_accuracy"):
            fit(search)
    assert not (tmp_path / "run").exists()


def test_a_regression_shows_its_metric_and_has_no_accuracy(tmp_path) -> None:
    model = lth.wrap(keras.Sequential([layers.Dense(4, input_shape=(6,))]), 0.3)
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
    targets = np.tanh(TX[:, :4])
    search = lth.LotterySearch(model, 1, tmp_path)
    history = search.fit(
        TX,
        targets,
        verbose=0,
        validation_data=(TX, targets),
        test_data=(TX, targets),
    )
    row = history.results[1]
    wanted = np.abs(model.predict(TX, verbose=0) - targets).mean()
    assert row["metrics"]["test_mae"] == pytest.approx(wanted, rel=1e-5)
    assert (row["monitor_metric"], row["test_accuracy"]) == ("mae", None)
    assert f" {wanted:.4g}" in tables.table(history.results).split("\n")[3]
