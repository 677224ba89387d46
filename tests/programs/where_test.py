"""How many runs there are at a time, by the flags and the place."""

from __future__ import annotations

import pytest

from lth_keras.programs import options
from lth_keras.programs.where import Where


@pytest.mark.parametrize(
    ("engine", "asked", "at_a_time"),
    [("local", None, 3), ("local", 2, 2), ("ray", None, 0), ("ray", 2, 2)],
)
def test_a_cluster_s_room_counts_and_not_the_number_of_the_search(
    engine: str, asked: int | None, at_a_time: int
) -> None:
    stored = options.read(["lottery_search.py", "--workers=3"], "About.")
    assert Where(engine=engine, workers=asked).workers_of(stored) == at_a_time
