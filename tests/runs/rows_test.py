"""From curves to result lines, with worked-out values."""

from __future__ import annotations

import math

import pytest

from lth_keras.runs import rows

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "monitor", "index"),
    [
        ([3.0, 1.0, 2.0], "val_loss", 1),
        ([3.0, 1.0, 1.0], "val_loss", 1),
        ([NAN, 4.0, 3.0, NAN], "val_loss", 2),
        ([0.5, 0.7, 0.7], "val_accuracy", 1),
        ([0.5, 0.7, 0.6], "val_auc", 1),
        ([0.2, 0.9], "val_recall", 1),
        ([0.2, 0.9], "val_mae", 0),
        ([NAN, math.inf], "val_loss", None),
        ([], "val_loss", None),
    ],
)
def test_early_stopping_is_the_first_best_finite_value(values, monitor, index) -> None:
    assert rows.early_stop(values, monitor) == index


CURVE = {
    "iteration": [100, 200, 300],
    "val_loss": [0.9, 0.4, 0.6],
    "val_accuracy": [0.5, 0.8, 0.9],
    "test_loss": [1.0, 0.5, 0.5],
    "test_accuracy": [0.4, 0.7, 0.75],
}


def test_measures_are_read_at_the_early_stopping_iteration_and_at_the_end() -> None:
    final = {"test_accuracy": 0.74, "train_accuracy": 0.99, "train_loss": 0.1}
    assert rows.measures(CURVE, final, {}, "val_loss") == {
        "early_stop_iteration": 200,
        "early_stop_test_accuracy": 0.7,
        "test_accuracy": 0.74,
        "validation_loss": 0.4,
        "train_accuracy": 0.99,
    }
    at_best_accuracy = rows.measures(CURVE, final, {}, "val_accuracy")
    assert at_best_accuracy["early_stop_iteration"] == 300
    assert at_best_accuracy["validation_loss"] == 0.6


def test_what_was_not_measured_is_none() -> None:
    found = rows.measures({"iteration": [5]}, {}, {}, None)
    assert set(found.values()) == {None}


def test_the_training_accuracy_of_the_last_epoch_stands_in() -> None:
    epochs = {"loss": [2.0, 1.0], "val_accuracy": [0.1, 0.2], "accuracy": [0.6, 0.8]}
    assert rows.measures(CURVE, {}, epochs, None)["train_accuracy"] == 0.8
