"""The registry of granularities, with and without parameters."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity
from lth_keras.pruning.granularity import Granularity


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    entries = {"weight": granularity.REGISTRY.entries["weight"]}
    monkeypatch.setattr(granularity.REGISTRY, "entries", entries)


class Block(Granularity):
    def __init__(self, height: str, width: str):
        self.size = int(height), int(width)


class Row(Granularity):
    pass


BLOCK = r"block:(\d+)x(\d+)"


def test_a_pattern_hands_its_groups_to_the_constructor():
    granularity.register("block", BLOCK, example="block:4x4")(Block)
    assert granularity.get("block:4x16").size == (4, 16)
    assert granularity.names() == ("block", "weight")


def test_what_is_not_known_is_refused_with_what_to_write():
    granularity.register("block", BLOCK, example="block:4x4")(Block)
    for text in ("block:4", "block", None):
        with pytest.raises(LotteryError, match="not known: use one of block:4x4, weig"):
            granularity.get(text)


def test_single_weights_are_what_there_is_without_a_name():
    assert type(granularity.get("weight")) is Granularity


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("weight", Block, "its pattern has 0 groups, .* takes \\(height"),
        ("weight", Row, "'weight' is taken: choose another, or pass replace=True"),
        ("", Row, "use letters, digits and underscores"),
        ("block", 3, "register a subclass of Granularity"),
        ("block", lambda: None, "register a subclass of Granularity"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_registered(name, made, said):
    with pytest.raises(LotteryError, match=said):
        granularity.register(name)(made)
    assert granularity.names() == ("weight",)


@pytest.mark.parametrize(
    ("pattern", "example", "said"),
    [
        (r"(", "block", r"pattern='\(' is no regular expression \(missing \)"),
        (3, "block", "pattern=3 is no regular expression"),
        (BLOCK, None, "does not take 'block': pass example=, a text that it takes"),
        (BLOCK, 3, "does not take 3"),
        (r".*", "block", "that of 'weight', 'weight', take the same text"),
        (r"w\w+", "wide", "take the same text: begin it with 'block:'"),
        (r"block:(\d+)", "block:4", r"has 1 groups, and .* takes \(height: 'str', "),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern, example, said):
    with pytest.raises(LotteryError, match=said):
        granularity.register("block", pattern, example=example)(Block)
    assert granularity.names() == ("weight",)


def test_a_name_that_a_pattern_takes_is_no_other_granularity_s():
    granularity.register("lines", r"r\w+", example="rows")(Row)
    with pytest.raises(LotteryError, match="that of 'lines', .*take the same text"):
        granularity.register("row")(Row)
    assert granularity.names() == ("lines", "weight")


def test_groups_without_a_constructor_are_refused():
    with pytest.raises(LotteryError, match=r"has 1 groups, and .* takes \(\): give it"):
        granularity.register("row", r"row:(\d+)", example="row:1")(Row)


def test_a_granularity_is_replaced_on_request_and_ones_own_by_itself():
    class Other(Granularity):
        pass

    granularity.register("weight", replace=True)(Other)
    assert type(granularity.get("weight")) is Other
    granularity.register("weight")(Other)
