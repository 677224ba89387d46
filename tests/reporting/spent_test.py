"""Accuracy against iterations spent: what counts, and what is drawn."""

from __future__ import annotations

from typing import Any

import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing, spent


def row(trial: int, level: int, iterations: int, value: float, **more: Any) -> dict:
    return {
        "trial": trial,
        "level": level,
        "control": "ticket",
        "replicate": 0,
        "parameters": {},
        "density": 0.5**level,
        "iterations": iterations,
        "early_stop_test_accuracy": value,
        "test_accuracy": value,
        **more,
    }


ROWS = [
    *(row(0, 0, 100, 0.9), row(0, 1, 50, 0.91), row(0, 2, 200, 0.92)),
    *(row(1, 0, 100, 0.8), row(1, 1, 50, 0.81)),
    row(0, 2, 999, 0.1, control="random_reinit"),
]


def test_a_level_has_cost_the_levels_before_it():
    one, two = spent.points(ROWS)
    assert (one.density, one.spent) == (0.5, 100)
    assert one.values == pytest.approx((91.0, 81.0))
    assert (two.density, two.spent) == (0.25, 150)
    assert two.values == pytest.approx((92.0,))


def test_a_trial_with_a_level_missing_counts_up_to_it():
    gap = [row(0, 0, 100, 0.9), row(0, 2, 100, 0.9)]
    assert spent.points(gap) == []
    with pytest.raises(LotteryError, match="no search has a pruned level"):
        spent.draw({"": gap})


def test_each_search_is_a_line_with_its_densities(tmp_path):
    figure = spent.draw({"a": ROWS, "b": ROWS[:3]}, "title")
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_xdata()) for line in lines[:1]] == [[100, 150]]
    assert {text.get_text() for text in axes.texts} == {"50.0", "25.0"}
    drawing.save(figure, tmp_path / "spent.svg")
    again = spent.draw({"a": ROWS, "b": ROWS[:3]}, "title")
    assert drawing.content(again, "svg") == (tmp_path / "spent.svg").read_bytes()


def test_labels_stand_clear_of_each_other_and_the_last_of_each_line_comes_first():
    far = [row(0, n, 100, 0.5 + n / 10) for n in range(4)]
    near = [
        {**each, "test_accuracy": 0.5, "early_stop_test_accuracy": 0.5} for each in far
    ]
    crowd = [row(0, n, 1, 0.5 + n / 1000) for n in range(50)]
    (axes,) = spent.draw({"far": far, "near": near, "crowd": crowd}).axes
    told = {
        colour: [text.get_text() for text in axes.texts if text.get_color() == colour]
        for colour in drawing.COLOURS[:3]
    }
    first, second, third = told.values()
    assert set(first) == set(second) == {"50.0", "25.0", "12.5"}
    assert 1 <= len(third) < 10
    assert third[0] == axes.texts[2].get_text()
    boxes = [text.get_window_extent() for text in axes.texts]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)
