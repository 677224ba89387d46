"""Bars of controls at one level: which, in which order, how long."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import bars
from lth_keras.runs.shown_metric import ACCURACY, Metric
from tests.reporting.density_test import svg_texts
from tests.support.result_files import row

ROWS = [
    row(0, test_accuracy=0.97),
    row(1, trial=0, test_accuracy=0.96, initial_test_accuracy=0.5),
    row(1, trial=1, test_accuracy=0.94, initial_test_accuracy=0.7),
    row(1, "constant", parameters={"signs": "random"}, test_accuracy=0.93),
    row(1, "freeze", trial=0, replicate=0, test_accuracy=0.98),
    row(1, "freeze", trial=0, replicate=1, test_accuracy=0.96),
    row(1, "freeze", trial=1, replicate=0, test_accuracy=0.95),
    row(2, test_accuracy=0.91),
]


def test_the_best_is_first_and_trials_count_alike():
    found = bars.at_level(ROWS, ACCURACY)
    assert [bar.label for bar in found] == ["freeze", "ticket", "constant signs=random"]
    assert found[0].trained == pytest.approx((96, 95, 98))
    assert found[1].trained == pytest.approx((95, 94, 96))
    assert found[1].untrained == pytest.approx((60, 50, 70))
    assert found[0].untrained is None
    lower = [{**r, "metrics": {"test_loss": 1 - r["test_accuracy"]}} for r in ROWS]
    by_loss = bars.at_level(lower, Metric("loss"))
    assert [bar.label for bar in by_loss] == [bar.label for bar in found]


def test_bars_are_as_long_as_their_means_and_the_dense_network_is_a_line():
    figure = bars.draw(ROWS, "A net")
    first, second = figure.axes
    assert [patch.get_width() for patch in first.patches] == pytest.approx([96, 95, 93])
    assert [patch.get_width() for patch in second.patches] == pytest.approx([60])
    assert [line.get_xdata() for line in first.lines if line.get_label()[0] == "d"] == [
        [97, 97]
    ]


@pytest.mark.parametrize("dense", [0.5, 0.999])
def test_the_dense_network_is_within_the_panel(dense):
    first, _ = bars.draw([row(0, test_accuracy=dense), *ROWS[1:]]).axes
    low, high = first.get_xlim()
    assert low < 100 * dense < high


def test_a_figure_names_its_bars(tmp_path):
    bars.figure(ROWS, tmp_path / "bars.svg", "LeNet on digits")
    texts = svg_texts(tmp_path / "bars.svg")
    for text in ("LeNet on digits", "ticket", "pruned weights frozen", "dense network"):
        assert text in texts
    assert "test accuracy after training (%)" in texts
    with pytest.raises(LotteryError, match="no control was run at level 2"):
        bars.draw(ROWS, level=2)
    with pytest.raises(LotteryError, match="no control was run at any level"):
        bars.draw(ROWS[:3])
    with pytest.raises(LotteryError, match="must end in .png, .svg or .pdf"):
        bars.figure(ROWS, tmp_path / "bars.jpg")
