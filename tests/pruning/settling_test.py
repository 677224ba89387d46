"""When a mask has settled: distances by hand, and how the rule is written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import settling
from lth_keras.pruning.settling import MaskConverged, Watch


def units(*texts: str) -> list[np.ndarray]:
    """A boolean per character of each tensor: "1" is kept."""
    return [np.array([char == "1" for char in text]) for text in texts]


# Two tensors; the level began with eight of the ten units, and prunes two.
BEGUN = units("111101", "1101")
FIRST = units("110101", "1001")
SECOND = units("011101", "1001")


def test_the_distance_is_a_share_of_the_survivors_or_of_the_pruned():
    # They differ in the first and the third unit.
    assert MaskConverged().distance(FIRST, SECOND, BEGUN) == 2 / 8
    assert MaskConverged(of="pruned").distance(FIRST, SECOND, BEGUN) == 2 / 4
    for of in settling.SHARES:
        rule = MaskConverged(of=of)
        assert rule.distance(FIRST, FIRST, BEGUN) == 0.0
        assert rule.distance(BEGUN, BEGUN, BEGUN) == 0.0
        assert rule.distance(units(""), units(""), units("")) == 0.0


def test_two_masks_that_prune_nothing_in_common_are_as_far_as_they_can_be():
    one, other = units("0011"), units("1100")
    assert MaskConverged(of="pruned").distance(one, other, units("1111")) == 1.0


def test_it_has_settled_when_as_many_masks_as_the_window_are_near():
    watch = Watch(MaskConverged(threshold=0.25, window=2), BEGUN)
    distance, settled = watch.add(units("001101", "1101"))
    assert math.isnan(distance) and not settled
    assert watch.add(SECOND) == (2 / 8, False)  # near, but one mask alone
    assert watch.add(FIRST) == (4 / 8, False)
    assert watch.add(FIRST) == (2 / 8, True)  # the first of all is forgotten
    assert watch.add(SECOND) == (2 / 8, True)


def test_it_is_written_with_its_settings():
    assert settling.parse("none") is None
    assert settling.parse("mask_converged") == MaskConverged(0.1, 5, "survivors")
    text = "mask_converged:threshold=0:window=3:of=pruned"
    found = settling.parse(text)
    assert found == MaskConverged(0.0, 3, "pruned")
    assert found is not None and found.settings() == {
        "name": "mask_converged",
        "threshold": 0.0,
        "window": 3,
        "of": "pruned",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threshold": 1.1}, "threshold=1.1: give a distance from 0 to 1"),
        ({"threshold": "0.1"}, "threshold='0.1': give a distance"),
        ({"threshold": math.nan}, "give a distance"),
        ({"window": 0}, "window=0: give a number of evaluations, 1 or more"),
        ({"of": "weights"}, "of='weights' is not known: use 'survivors' or 'pruned'"),
    ],
)
def test_what_is_out_of_range_is_one_line(given, said):
    with pytest.raises(LotteryError, match=said):
        MaskConverged(**given)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("early", "stop 'early' is not known: use mask_converged or none"),
        ("mask_converged:window=1.5", "window=1.5 is not allowed: use a whole number"),
        ("mask_converged:length=1", "it has threshold, window, of"),
        ("mask_converged:threshold=2", "give a distance from 0 to 1"),
        (None, "stop=None: give 'mask_converged' or 'none', as text"),
    ],
)
def test_what_is_written_wrongly_is_one_line(text, said):
    with pytest.raises(LotteryError, match=said):
        settling.parse(text)
