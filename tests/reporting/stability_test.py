"""Figures of stability and overlap: what they draw, and what they refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import overlap as figure_overlap
from lth_keras.reporting import stability as figure_stability
from lth_keras.runs import finished, overlaps
from lth_keras.runs.lines import Line
from lth_keras.runs.stability import Stability
from tests.support import run_directories


def found(of="ticket", level=0, step=0, errors=(0.1, 0.3, 0.1), **more) -> Stability:
    curves = {"interpolated": {"test_error": list(errors)}, **more}
    line = Line([0.0, 0.5, 1.0], curves, "accuracy", {"test": 10})
    return Stability(of, 0, level, 0.8**level, step, ((0, 1),), (line,))


def lines(axes) -> dict[str, tuple]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
        if not line.get_label().startswith("_child")
    }


def containers(axes) -> dict[str, tuple[list, list]]:
    return {
        each.get_label(): (list(each[0].get_xdata()), list(each[0].get_ydata()))
        for each in axes.containers
    }


def test_instability_is_drawn_against_what_is_kept():
    drawn = figure_stability.draw(
        [found(level=0), found(level=3, errors=(0.2, 0.2, 0.2)), found("inits", 3)]
    )
    left, right = drawn.axes
    shown = containers(left)
    assert list(shown) == ["ticket", "inits"]
    assert shown["ticket"][0] == pytest.approx([100, 51.2])
    assert shown["ticket"][1] == pytest.approx([20.0, 0.0])
    assert lines(right)["_ticket, 100.0 %"][1] == pytest.approx([10, 30, 10])
    # A colour for what was trained, the same in both panels; fewer weights are paler.
    dense, sparse, other = right.get_lines()
    assert dense.get_color() == sparse.get_color() != other.get_color()
    assert [each.get_alpha() for each in (dense, sparse, other)] == pytest.approx(
        [1.0, 0.3, 1.0]
    )
    assert dense.get_color() == left.containers[0][0].get_color()
    assert [each.get_text() for each in drawn.legends[0].get_texts()] == [
        "ticket",
        "two initialisations",
    ]


def test_instability_is_drawn_against_the_iteration_where_there_are_several():
    other = {"recalibrated": {"test_error": [0.1, 0.11, 0.1]}}
    drawn = figure_stability.draw([found(**other), found(step=500, **other)])
    left = drawn.axes[0]
    shown = containers(left)
    assert shown["ticket, 100.0 %"][0] == [0, 500]
    assert shown["ticket, 100.0 %"][1] == pytest.approx([1.0, 1.0])
    # Interpolated statistics are dashed, and stand in no legend.
    assert shown["_ticket, 100.0 %"][1] == pytest.approx([20.0, 20.0])


def test_of_lines_with_several_numbers_of_places_those_with_the_most_are_drawn():
    curves = {"interpolated": {"test_error": [0.1, 0.1]}}
    short = Line([0.0, 1.0], curves, "accuracy", {"test": 10})
    other = dataclasses.replace(found(), lines=(short,))
    left, right = figure_stability.draw([other, found()]).axes
    assert containers(left)["ticket"][1] == pytest.approx([10.0])
    assert lines(right)["_ticket, 100.0 %"][1] == pytest.approx([10, 30, 10])


def test_nothing_measured_is_refused_with_the_way_to_do_it():
    with pytest.raises(LotteryError, match="lth-stability RUN_DIR"):
        figure_stability.draw([])


def point(density: float, both: int) -> figure_overlap.Point:
    one = overlaps.Overlap(10, 20, both, 2.0, 100)
    return figure_overlap.Point(density, {"dense/kernel": one})


def test_overlaps_are_means_over_pairs_beside_their_chance():
    drawn = figure_overlap.draw(
        {"tickets of two trials": [point(0.5, 6), point(0.5, 8), point(0.25, 4)]}
    )
    shown = lines(drawn.axes[0])
    assert shown["dense/kernel"] == ([50.0, 25.0], pytest.approx([70.0, 40.0]))
    assert shown["dense/kernel, chance"][1] == pytest.approx([20.0, 20.0])


def test_the_masks_of_two_trials_are_compared(tmp_path):
    for trial in range(2):
        run_directories.search(tmp_path / f"trial{trial}", trial)
    series = figure_overlap.collect(finished.read(tmp_path))
    assert list(series) == ["tickets of two trials"], "noise has the ticket's mask"
    (_, found_at_2) = series["tickets of two trials"]
    assert found_at_2.found["dense/kernel"].share == 1.0
    assert np.isclose(found_at_2.density, 0.5)


def test_a_single_mask_is_refused(tmp_path):
    run_directories.search(tmp_path)
    with pytest.raises(LotteryError, match="no two masks to compare"):
        figure_overlap.collect(finished.read(tmp_path))
