"""Accuracy at fixed iterations: which evaluation is taken, panels, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import iterations as figure_iterations
from lth_keras.runs.shown_metric import ACCURACY
from tests.support.result_files import curve, row


def runs(levels: int = 3, evaluations: int = 8, gain: float = 0.01) -> list[tuple]:
    values = [0.8 + gain * n for n in range(evaluations)]
    return [(row(level), curve(test_accuracy=values)) for level in range(levels)]


def test_panels_show_the_accuracy_at_shares_of_the_training():
    figure = figure_iterations.draw({"": runs()})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["at iteration 200", "at iteration 400", "at iteration 800"]
    for axes, expected in zip(figure.axes, (81, 83, 87), strict=True):
        (bars,) = axes.containers
        np.testing.assert_allclose(bars[0].get_xdata(orig=False), [100, 80, 64])
        np.testing.assert_allclose(bars[0].get_ydata(orig=False), [expected] * 3)
        assert axes.get_xscale() == "log"
        assert axes.get_xlim()[0] > axes.get_xlim()[1]


def test_the_last_evaluation_up_to_an_iteration_is_taken():
    found = figure_iterations.rows_at(runs(levels=1), 399)
    assert [ACCURACY.final(r) for r in found] == [0.8 + 0.01 * 2]
    assert figure_iterations.rows_at(runs(), 99) == []
    assert figure_iterations.rows_at(runs(), 801) == []


def late(level: int, control: str = "ticket") -> tuple:
    """A run that begins at the weights of iteration 400, as level 0 had them."""
    iterations = [100 * n for n in range(4, 9)]
    return row(level, control), {"iteration": iterations, "test_accuracy": [0.9] * 5}


def labels(figure) -> list[str]:
    return [axes.get_xlabel().replace("\n", " ") for axes in figure.axes]


def test_a_panel_says_which_runs_begin_later_and_are_left_out():
    rewound = [*runs(levels=1), late(1), late(2)]
    plain = "weights remaining (%)"
    left = f"{plain} left out: levels 1-2, begun later"
    assert labels(figure_iterations.draw({"": rewound})) == [left, plain, plain]
    # A control that begins at iteration 0 is not left out.
    early = [(row(n, "a"), curve(test_accuracy=[0.8] * 8)) for n in (1, 2)]
    found = labels(figure_iterations.draw({"": [*rewound, *early]}, at=[0.25]))
    assert found == [f"{plain} left out: ticket levels 1-2, begun later"]
    both = [*rewound, late(1, "b"), late(2, "b")]
    assert labels(figure_iterations.draw({"": both}, at=[0.25])) == [left]


def test_searches_keep_their_colours_where_a_shorter_one_is_left_out():
    series = {"short": runs(evaluations=4), "long": runs(gain=0.02)}
    figure = figure_iterations.draw(series, at=(300, 1.0, 800))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["at iteration 300", "at the end", "at iteration 800"]
    first, _, last = figure.axes
    assert [bars.get_label() for bars in first.containers] == ["short", "long"]
    (bars,) = last.containers
    assert bars.get_label() == "long"
    assert bars[0].get_color() == first.containers[1][0].get_color()
    assert labels(figure)[2].endswith(" left out: short, ticket levels 0-2, shorter")


def test_replicates_are_averaged_within_their_trial_before_trials_are():
    found = [*runs(levels=1), *runs(levels=2)[1:]]
    for trial, values in {0: (0.90, 0.94), 1: (0.80,)}.items():
        for replicate, value in enumerate(values):
            result = row(1, "a", trial=trial, replicate=replicate)
            found.append((result, curve(test_accuracy=[value])))
    (axes,) = figure_iterations.draw({"": found}, at=[1.0]).axes
    _, control = axes.containers
    np.testing.assert_allclose(control[0].get_ydata(orig=False), [(92 + 80) / 2])


def test_iterations_that_no_run_has_are_refused(tmp_path):
    with pytest.raises(LotteryError, match="at=5000: no run .* from 100 to 800"):
        figure_iterations.figure({"": runs()}, tmp_path / "figure.png", at=[5000])
    with pytest.raises(LotteryError, match="at=0 is no iteration"):
        figure_iterations.draw({"": runs()}, at=[0])
