"""Which levels a figure shows."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import shown_levels


def test_levels_are_chosen_by_the_nearest_ratio_of_density():
    densities = {level: 0.8**level for level in range(17)}
    wanted = (100, 51.3, 21.1, 7, 3.6, 3.5)
    assert shown_levels.choose_levels(densities, wanted) == [0, 3, 7, 12, 15]
    assert shown_levels.choose_levels(densities) == [0, 4, 8, 12, 16]
    assert (
        shown_levels.choose_levels({0: 1.0})
        == shown_levels.choose_levels({0: 1.0}, [2])
        == [0]
    )
    assert shown_levels.choose_levels({0: 1.0, 4: 0.4}) == [0, 4]
    with pytest.raises(LotteryError, match="densities=0 is no percentage"):
        shown_levels.choose_levels(densities, [0])


def test_more_levels_than_a_figure_can_tell_apart_are_refused():
    found = {0: 1.0, 1: 0.8, 2: 0.64}
    assert shown_levels.choose_levels(found, [100, 80], most=2) == [0, 1]
    # Two that are nearest to one level are one.
    assert shown_levels.choose_levels(found, [100, 80, 79], most=2) == [0, 1]
    with pytest.raises(LotteryError, match="3 levels are more .* name at most 2"):
        shown_levels.choose_levels(found, [100, 80, 64], most=2)
