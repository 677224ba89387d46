"""Controls are checked when they are registered."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.controls import registry
from lth_keras.errors import LotteryError


@pytest.fixture(autouse=True)
def controls(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


def own(search, case, seed, *, factor: float = 0.5):
    return case


@pytest.mark.parametrize(
    ("name", "function", "said"),
    [
        ("one_shot", own, "control name 'one_shot' is taken: .*replace=True"),
        ("a:b", own, "use letters, digits and underscores"),
        (None, own, "use letters, digits and underscores"),
        ("mine", lambda search, case: case, r"takes \(search, case\): write f\(search"),
        ("mine", lambda search, case, seed, factor: case, "write f"),
        ("mine", lambda *given, **named: None, "write f"),
        ("mine", 3, "is no function"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_registered(name, function, said):
    before = lth.controls.names()
    with pytest.raises(LotteryError, match=said):
        lth.controls.register(name)(function)
    assert lth.controls.names() == before


def test_an_attribute_that_is_not_known_is_refused():
    with pytest.raises(LotteryError, match="changes is not known: use check, change"):
        lth.controls.register("mine", changes=1)


def test_a_built_in_is_replaced_on_request_and_ones_own_by_itself():
    lth.controls.register("one_shot", replace=True)(own)
    lth.controls.register("one_shot")(own)
    assert registry.REGISTRY.get("one_shot").function is own
    assert lth.controls.parse("one_shot:factor=2").parameters == {"factor": 2.0}
