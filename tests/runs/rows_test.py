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
        "early_stop_censored": False,
        "early_stop_test_accuracy": 0.7,
        "test_accuracy": 0.74,
        "validation_loss": 0.4,
        "train_accuracy": 0.99,
        "monitor_metric": "accuracy",
        "metrics": final,
        "early_stop_metrics": {
            "val_loss": 0.4,
            "val_accuracy": 0.8,
            "test_loss": 0.5,
            "test_accuracy": 0.7,
        },
    }
    at_best_accuracy = rows.measures(CURVE, final, {}, "val_accuracy")
    assert at_best_accuracy["early_stop_iteration"] == 300
    assert at_best_accuracy["validation_loss"] == 0.6


def test_what_was_not_measured_is_none() -> None:
    found = rows.measures({"iteration": [5]}, {}, {}, None)
    assert found.pop("metrics") == found.pop("early_stop_metrics") == {}
    assert set(found.values()) == {None}


def test_the_training_accuracy_of_the_last_epoch_stands_in() -> None:
    epochs = {"loss": [2.0, 1.0], "val_accuracy": [0.1, 0.2], "accuracy": [0.6, 0.8]}
    assert rows.measures(CURVE, {}, epochs, None)["train_accuracy"] == 0.8


@pytest.mark.parametrize(
    ("values", "censored"),
    [
        ([3.0, 2.0, 1.0], True),
        ([3.0, 1.0, 1.0], False),
        ([3.0, 2.0, NAN], True),
        ([3.0, 1.0, 2.0], False),
        ([3.0], True),
        ([NAN, NAN, NAN], None),
    ],
)
def test_a_minimum_at_the_last_evaluation_is_censored(values, censored) -> None:
    curve = {"iteration": list(range(len(values))), "val_loss": values}
    found = rows.measures(curve, {}, {}, "val_loss")
    assert found["early_stop_censored"] is censored
    assert rows.is_censored(found) is bool(censored)


def test_a_line_of_an_earlier_version_is_censored_at_its_last_iteration() -> None:
    line = {"early_stop_iteration": 2000, "iterations": 2000}
    assert rows.is_censored(line)
    assert not rows.is_censored({**line, "early_stop_iteration": 1900})
    assert not rows.is_censored({**line, "early_stop_iteration": None})
    assert not rows.is_censored({**line, "early_stop_censored": False})


def test_several_heads_are_told_apart_by_name() -> None:
    final = {
        "test_loss": 1.0,
        "test_vaccine_loss": 0.3,
        "test_a_accuracy": 0.9,
        "test_b_accuracy": 0.6,
        "train_a_accuracy": 0.95,
        "train_b_accuracy": 0.65,
    }
    curve = {"iteration": [1], "val_loss": [1.0], "test_b_accuracy": [0.5]}
    found = rows.measures(curve, final, {}, "val_loss")
    assert (found["monitor_metric"], found["test_accuracy"]) == ("a_accuracy", 0.9)
    found = rows.measures(curve, final, {}, "val_loss", "b_accuracy")
    accuracies = ("early_stop_test_accuracy", "test_accuracy", "train_accuracy")
    assert [found[name] for name in accuracies] == [0.5, 0.6, 0.65]
    # Another metric is shown beside the accuracy, which stays what it was.
    found = rows.measures(curve, final, {}, "val_loss", "vaccine_loss")
    assert (found["monitor_metric"], found["test_accuracy"]) == ("vaccine_loss", 0.9)
    assert found["metrics"] == final


def test_what_is_no_number_is_none_in_the_metrics() -> None:
    found = rows.measures({"iteration": []}, {"test_mae": NAN}, {}, None)
    assert found["metrics"] == {"test_mae": None}


def test_before_training_the_accuracy_of_the_metric_that_is_shown_is_kept() -> None:
    begun = {"test_loss": 2.3, "test_a_accuracy": 0.1, "test_b_accuracy": 0.2}
    assert rows.untrained(begun) == {"initial_test_accuracy": 0.1}
    assert rows.untrained(begun, "b_accuracy") == {"initial_test_accuracy": 0.2}
    assert rows.untrained({"test_loss": 2.3}) == {"initial_test_accuracy": None}
    assert rows.untrained({}) == {"initial_test_accuracy": None}
