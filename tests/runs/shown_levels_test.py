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
