"""What all figures share: the axis of P_m, thinned labels, the files."""

from __future__ import annotations

import itertools
import math

import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing


def test_tick_labels_of_many_levels_are_thinned():
    percents = [100 * 0.8**level for level in range(30)]
    kept = drawing.thin(percents)
    assert kept[0] == 100 and set(kept) <= set(percents)
    gaps = [math.log(a / b) for a, b in itertools.pairwise(kept)]
    assert min(gaps) >= 0.1 * math.log(100 / percents[-1])
    assert 8 <= len(kept) <= 11
    assert drawing.thin([100.0]) == [100.0]


def test_the_axis_of_weights_kept_is_logarithmic_and_descends():
    with drawing.style():
        axes = drawing.new(4).subplots()
        drawing.density_axis(axes, [100, 50, 25])
    assert axes.get_xscale() == "log"
    left, right = axes.get_xlim()
    assert left > 100 > 25 > right
    texts = [label.get_text() for label in axes.get_xticklabels()]
    assert texts == ["100.0", "50.0", "25.0"]


def test_a_legend_that_does_not_fit_in_a_row_has_full_rows():
    with drawing.style():
        figure = drawing.new(4)
        axes = figure.subplots()
        for n in range(9):
            axes.plot([0, 1], label=f"one_shot+random_reinit {n}")
        drawing.legend(figure, drawing.handles([axes]))
        figure.draw_without_rendering()
    (legend,) = figure.legends
    inside = legend.get_window_extent().transformed(figure.transFigure.inverted())
    assert inside.x0 >= 0 and inside.x1 <= 1


def test_a_path_of_another_format_is_refused():
    with pytest.raises(
        LotteryError, match=r"figure\.jpg must end in \.png, \.svg or \.pdf"
    ):
        drawing.check_path("figure.jpg")
    assert drawing.check_path("a/b.SVG") == "svg"
