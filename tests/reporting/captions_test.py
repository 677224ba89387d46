"""Captions speak of means only where something is a mean."""

from __future__ import annotations

import pytest

from lth_keras.reporting import captions
from tests.support.result_files import row, search

SINGLE = "Points are single runs."
BARS = "; bars are the minimum and maximum over all runs."
NESTED = "means over trials, of replicates within each trial first"
TRIALS = search(3, "a", trials=2)
REPLICATE = row(1, "a", replicate=1)


@pytest.mark.parametrize(
    ("searches", "about"),
    [
        ([search(3, "a")], SINGLE),
        ([search(3, "a"), search(2)], SINGLE),
        ([TRIALS], f"Points are means over trials{BARS}"),
        ([search(3, "a"), TRIALS], f"Points are means over trials{BARS}"),
        (
            [[*search(3, "a"), REPLICATE]],
            f"Points are means over the replicates of a control in the one trial{BARS}",
        ),
        (
            [[*TRIALS, REPLICATE]],
            f"Points are {NESTED}{BARS}",
        ),
    ],
)
def test_what_points_are_follows_from_the_runs(searches, about) -> None:
    assert captions.about(searches, "Points", "bars") == about


def test_hollow_points_are_told_where_there_are_any() -> None:
    assert not captions.any_hollow([TRIALS])
    assert captions.any_hollow([TRIALS, [row(early_stop_iteration=2000)]])
