"""The registry of granularities, with and without parameters."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity
from lth_keras.pruning.granularity import Granularity


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(granularity, "_REGISTRY", dict(granularity._REGISTRY))


class Block(Granularity):
    def __init__(self, height: str, width: str):
        self.size = int(height), int(width)


def test_a_pattern_hands_its_groups_to_the_constructor():
    granularity.register("block", r"block:(\d+)x(\d+)")(Block)
    assert granularity.get("block:4x16").size == (4, 16)
    assert granularity.names() == ("block", "weight")
    with pytest.raises(LotteryError, match="'block:4' is not known: .*block, weight"):
        granularity.get("block:4")


def test_single_weights_are_what_there_is_without_a_name():
    assert type(granularity.get("weight")) is Granularity


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("weight", Block, "'weight' is taken: choose another, or pass replace=True"),
        ("", Block, "use letters, digits and underscores"),
        ("block", 3, "register a subclass of Granularity"),
        ("block", lambda: None, "register a subclass of Granularity"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_registered(name, made, said):
    with pytest.raises(LotteryError, match=said):
        granularity.register(name)(made)
    assert granularity.names() == ("weight",)


def test_a_granularity_is_replaced_on_request_and_ones_own_by_itself():
    class Other(Granularity):
        pass

    granularity.register("weight", replace=True)(Other)
    assert type(granularity.get("weight")) is Other
    granularity.register("weight")(Other)
