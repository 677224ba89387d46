"""Which metric is shown, of result lines old and new, and how it is written."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import shown_metric, tables
from lth_keras.runs.shown_metric import ACCURACY, Metric
from tests.support.result_files import row


@pytest.mark.parametrize(
    ("name", "accuracy", "grows"),
    [
        ("accuracy", True, True),
        ("digit_accuracy", True, True),
        ("sparse_categorical_accuracy_1", True, True),
        ("top5acc", True, True),
        ("acc@1", True, True),
        ("mean_io_u", False, True),
        ("f1_score", False, True),
        ("auc_2", False, True),
        ("psnr", False, True),
        ("r2_score", False, True),
        ("mae", False, False),
        ("loss", False, False),
        # Heads of which the name alone looks like an accuracy.
        ("vaccine_loss", False, False),
        ("accuracy_head_loss", False, False),
        ("accuracy_head_mae", False, False),
        ("previous_loss", False, False),
    ],
)
def test_a_name_tells_accuracies_and_what_grows(name, accuracy, grows) -> None:
    assert shown_metric.is_accuracy(name) is accuracy
    assert shown_metric.grows(f"val_{name}") is grows


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["test_loss", "test_mae", "test_accuracy"], "accuracy"),
        (["test_loss", "test_b_accuracy", "test_a_accuracy"], "b_accuracy"),
        (["test_loss", "test_out_loss", "test_mae"], "mae"),
        (["test_loss"], "loss"),
        (["val_loss", "val_accuracy"], "accuracy"),
        (["train_loss", "train_accuracy"], None),
    ],
)
def test_accuracy_is_shown_or_a_metric_or_the_loss(names, shown) -> None:
    assert shown_metric.chosen(names) == shown


def test_a_metric_is_asked_for_with_its_data_or_without() -> None:
    names = ["test_loss", "test_a_accuracy", "test_b_accuracy"]
    for wanted in ("b_accuracy", "test_b_accuracy", "val_b_accuracy"):
        assert shown_metric.chosen(names, wanted) == "b_accuracy"
        shown_metric.check(wanted, ["loss", "a_accuracy", "b_accuracy"])
    for wrong in ("c_accuracy", 3, None):
        with pytest.raises(LotteryError, match="use one of loss, mae"):
            shown_metric.check(wrong, ["loss", "mae"])


def heads(level: int = 0, **others) -> dict:
    """The row of a network with two heads, as a search stores it."""
    metrics = {"test_loss": 0.5, "test_a_accuracy": 0.9, "test_b_accuracy": 0.6}
    return row(
        level,
        monitor_metric="a_accuracy",
        metrics=metrics,
        early_stop_metrics={**metrics, "test_b_accuracy": 0.55},
        **others,
    )


def test_the_metric_that_the_rows_name_is_shown_or_the_one_asked_for() -> None:
    rows = [heads(), heads(1)]
    assert shown_metric.of_rows(rows) == Metric("a_accuracy")
    metric = shown_metric.of_rows(rows, "b_accuracy")
    assert (metric.at_early_stop(rows[0]), metric.final(rows[0])) == (0.55, 0.6)
    assert metric.text(0.6) == "60.00"
    loss = shown_metric.of_rows(rows, "test_loss")
    assert loss.text(loss.final(rows[1])) == "0.5"
    with pytest.raises(LotteryError, match="'mae' was not measured: use one of loss"):
        shown_metric.of_rows(rows, "mae")


def test_rows_of_earlier_versions_are_read_beside_new_ones() -> None:
    assert shown_metric.of_rows([row()]) == ACCURACY
    assert (ACCURACY.at_early_stop(row()), ACCURACY.final(row())) == (0.98, 0.975)
    metric = shown_metric.of_rows([row(), heads(1)])
    assert (metric.final(row()), metric.final(heads(1))) == (0.975, 0.9)
    # Their curves call the accuracy as Keras did.
    curve = {"iteration": [1], "test_loss": [2.0], "test_binary_accuracy": [0.7]}
    assert ACCURACY.column(curve) == [0.7]
    assert Metric("mae").column(curve) is None
    with pytest.raises(LotteryError, match="'loss' was not measured: use one of acc"):
        shown_metric.of_rows([row()], "loss")


def test_without_test_data_the_validation_data_are_shown() -> None:
    found = row(metrics={"val_loss": 1.0, "val_mae": 0.25}, monitor_metric="mae")
    metric = shown_metric.of_rows([found])
    assert (metric, metric.final(found)) == (Metric("mae", "val"), 0.25)
    assert metric.said == "validation mae"


def test_several_searches_show_one_metric() -> None:
    both = {"a": [heads()], "b": [row()]}
    with pytest.raises(LotteryError, match="test a_accuracy of a, test accuracy of b"):
        shown_metric.of_searches(both)
    assert shown_metric.of_searches(both, "a_accuracy") == Metric("a_accuracy")


def test_the_table_of_a_regression_has_its_metric_and_says_so() -> None:
    metrics = {"test_loss": 2.5, "test_mae": 1.25}
    rows = [
        row(
            test_accuracy=None,
            early_stop_test_accuracy=None,
            monitor_metric="mae",
            metrics=metrics,
            early_stop_metrics={"test_loss": 2.0, "test_mae": 1.125},
        )
    ]
    table, note = tables.table(rows).split("\n\n")
    assert table.split("\n") == [
        "                     ticket",
        "level  P_m %  stop at   mae final",
        "    0  100.0      400 1.125  1.25",
    ]
    note = " ".join(note.split())
    assert "mae: on the test data at that iteration. final: at the end" in note
    assert "%" not in note
    assert " 2.5" in tables.table(rows, "loss").split("\n")[2]


def test_the_table_says_which_of_several_accuracies_it_shows() -> None:
    text = " ".join(tables.table([heads()], "b_accuracy").split())
    assert "accuracy: b_accuracy on the test data at that iteration, %." in text
    assert " 55.00 60.00 " in text
