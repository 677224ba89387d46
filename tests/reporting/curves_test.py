"""Test accuracy against iterations: means, bands, panels and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import curves as figure_curves
from tests.support.result_files import curve, row


def runs(*controls: str, levels: int = 3, trials: int = 2) -> list[tuple]:
    """Twenty evaluations of each run; trial 1 is 2 points above trial 0."""
    values = np.linspace(0.5, 0.9, 20)
    return [
        (
            row(level, control, trial=trial),
            curve(test_accuracy=list(values - level / 100 + trial / 50)),
        )
        for control in ("ticket", *controls)
        for level in range(control != "ticket", levels)
        for trial in range(trials)
    ]


def lines(axes) -> dict[str, tuple]:
    return {x.get_label(): x for x in axes.lines}


def test_lines_are_means_and_bands_minimum_and_maximum_over_trials():
    (axes,) = figure_curves.draw(runs(), densities=[100, 60]).axes
    found = lines(axes)
    assert list(found) == ["100.0 %", "64.0 %"]
    iterations = np.arange(100, 2001, 100)
    base = 100 * np.linspace(0.5, 0.9, 20)
    np.testing.assert_allclose(found["64.0 %"].get_xdata(orig=False), iterations)
    np.testing.assert_allclose(found["64.0 %"].get_ydata(orig=False), base - 2 + 1)
    corners = axes.collections[0].get_paths()[0].vertices
    at_start = corners[corners[:, 0] == 100][:, 1]
    np.testing.assert_allclose([at_start.min(), at_start.max()], [50, 52])


def test_a_control_has_a_panel_with_dashes_in_the_colours_of_the_tickets():
    figure = figure_curves.draw(runs("a", "random_reinit"))
    tickets, control = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        "tickets",
        "with random reinitialisation",
    ]
    assert all(x.get_linestyle() == "-" for x in tickets.lines)
    found = lines(control)
    for name in ("80.0 %", "64.0 %"):
        assert found[f"_{name}"].get_linestyle() == "--"
        assert found[f"_{name}"].get_color() == found[name].get_color()
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["100.0 %", "80.0 %", "64.0 %"]
    assert len(figure_curves.draw(runs("a", "b"), controls=["b", "a"]).axes) == 4
    assert len(figure_curves.draw(runs("a"), controls=[]).axes) == 1


def test_only_iterations_that_all_runs_evaluated_are_averaged():
    first = {"iteration": [100, 200, 300], "test_accuracy": [0.1, 0.2, None]}
    second = {"iteration": [200, 300, 400], "test_accuracy": [0.4, 0.5, 0.6]}
    found = figure_curves.mean_curve([(row(), first), (row(), second)])
    assert found is not None
    np.testing.assert_array_equal(found[0], [200, 300])
    # Runs of one trial: their mean is the trial's.
    np.testing.assert_allclose(found[1], [30, np.nan])
    np.testing.assert_allclose(found[2], [[20, np.nan], [40, 50]])


def test_replicates_are_averaged_within_their_trial_before_trials_are():
    def run(value: float, **others) -> tuple:
        return row(1, "a", **others), curve(test_accuracy=[value, value])

    without = run(0.1)
    del without[0]["trial"]
    runs = [without, run(0.3, replicate=1), run(0.6, trial=1)]
    found = figure_curves.mean_curve(runs)
    assert found is not None
    np.testing.assert_allclose(found[1], [40, 40])
    np.testing.assert_allclose(found[2][:, 0], [10, 30, 60])
    (_, axes) = figure_curves.draw([(row(0), curve(test_accuracy=[0.5])), *runs]).axes
    line = lines(axes)["_80.0 %"]
    np.testing.assert_allclose(line.get_ydata(orig=False), [40, 40])


def test_runs_without_test_data_are_said_not_to_be_measured():
    (axes,) = figure_curves.draw([(row(), curve(val_loss=[0.1]))]).axes
    assert [text.get_text() for text in axes.texts] == ["not measured"]


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(LotteryError, match="densities: 8 levels are more than"):
        figure_curves.draw(runs(levels=9), densities=[100 * 0.8**n for n in range(8)])
    with pytest.raises(LotteryError, match="controls='x' has no runs: use a"):
        figure_curves.draw(runs("a"), controls=["x"])
    with pytest.raises(LotteryError, match="must end in .png, .svg or .pdf"):
        figure_curves.figure(runs(), tmp_path / "figure.jpg")
