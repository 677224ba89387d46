"""Methods by their names: how they are written, and what cannot be registered."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.methods import registry


def test_a_method_is_written_with_its_parameters():
    assert registry.parse("edge_popup") == ("edge_popup", {})
    name, given = registry.parse("edge_popup:keep=0.3:weights=signed_constant")
    assert (name, given) == ("edge_popup", {"keep": 0.3, "weights": "signed_constant"})
    assert registry.parse("supermask:rescale=false")[1] == {"rescale": False}
    assert registry.parse("iht:rounds=2:rates=0.5")[1] == {"rounds": 2, "rates": 0.5}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("edges", "method 'edges' is not known: use one of .*edge_popup"),
        ("", "method='': give its name"),
        ("dsd:keep=1", "'keep' is no parameter of dsd; it has rates, dense_rate"),
        ("dsd:rates=a", "rates=a is not allowed: use a number"),
        ("iht:rounds=1.5", "rounds=1.5 is not allowed: use a whole number"),
        ("supermask:rescale=no", "rescale=no is not allowed: use true or false"),
        ("dsd:rates=.1:rates=.2", "gives rates twice"),
    ],
)
def test_what_is_written_wrongly_is_refused(written, message):
    with pytest.raises(lth.LotteryError, match=message):
        registry.parse(written)


def test_what_is_no_method_cannot_be_registered():
    for name, kind in (("one two", object), ("own", object), ("own", lambda: None)):
        with pytest.raises(lth.LotteryError, match=r"method (name 'one two'|'own' is)"):
            lth.methods.register(name)(kind)

    class NoDefault(lth.methods.Method):
        def __init__(self, model, share):
            pass

        def begin(self, index, network):
            pass

    with pytest.raises(lth.LotteryError, match="'own' takes .*share"):
        lth.methods.register("own")(NoDefault)
    assert "own" not in lth.methods.names()
    with pytest.raises(lth.LotteryError, match="'dsd' is taken"):
        lth.methods.register("dsd")(lth.methods.EdgePopup)
