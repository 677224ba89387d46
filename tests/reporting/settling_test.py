"""The distances of masks by iteration: a line a level and trial."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import settling
from tests.support.result_files import curve, row


def runs() -> list[tuple]:
    """Two levels whose masks were watched, in two trials, and one that was not."""
    found = []
    for trial in range(2):
        for level in range(2):
            values = [None, 0.4 - trial / 10, 0.2, 0.1][: 4 - level]
            found.append((row(level, trial=trial), curve(mask_distance=values)))
        found.append((row(2, trial=trial), curve(test_accuracy=[0.5, 0.6])))
    found.append((row(1, "random_reinit"), curve(mask_distance=[0.3])))
    return found


def test_a_line_is_the_level_of_a_trial_without_the_first_evaluation():
    (axes,) = settling.draw(runs(), threshold=0.1).axes
    drawn = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in drawn] == ["100.0 %", "80.0 %"] * 2
    assert list(drawn[2].get_xdata(orig=False)) == [200, 300, 400]
    assert list(drawn[2].get_ydata(orig=False)) == [pytest.approx(0.3), 0.2, 0.1]
    assert drawn[0].get_color() == drawn[2].get_color() != drawn[1].get_color()
    (dotted,) = [line for line in axes.lines if line not in drawn]
    assert set(dotted.get_ydata()) == {0.1}
    (axes,) = settling.draw(runs(), densities=[80]).axes
    assert {line.get_label() for line in axes.lines} == {"80.0 %"}


def test_a_search_whose_masks_were_not_watched_says_how_they_are():
    with pytest.raises(LotteryError, match="search with stop=lth.MaskConverged"):
        settling.draw([(row(0), curve(test_accuracy=[0.5]))])


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"stop": {"threshold": 0.1}}, 0.1),
        ({"stop": {"threshold": "x"}}, None),
        ({"stop": 3}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_threshold_is_read_of_what_may_be_any_file(settings, found):
    assert settling.threshold_of(settings) == found
