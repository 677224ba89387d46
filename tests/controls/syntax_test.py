"""How a control is written, and what is said of one that is written wrongly."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError


def test_a_control_has_its_parameters_and_their_defaults() -> None:
    assert lth.controls.parse("noise").parameters == {"sigma": 0.5}
    assert lth.controls.parse("noise:sigma=2").key == "noise,sigma=2.0"
    assert lth.controls.parse("one_shot+noise:sigma=2").name == "one_shot+noise"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("noise:sigma=1:sigma=2", "gives sigma twice: give it once"),
        ("noise:sigma=1:sigma=1", "gives sigma twice: give it once"),
        ("noise:sigma=1+noise:sigma=2", "gives a parameter twice: give it once"),
        ("noise:sigma=", "sigma= is not allowed: use a number"),
        ("noise:sigma=" + "9" * 5000 + "x", "sigma=9+ is not allowed: use a number"),
        ("weight_rewind", "needs a value: write weight_rewind:step=..."),
        ("noise:=1", "'' is no parameter of noise; it has sigma"),
        ("x\0", r"'x\\x00' is not known"),
    ],
)
def test_what_is_written_wrongly_is_one_line(text: str, said: str) -> None:
    with pytest.raises(LotteryError, match=said) as caught:
        lth.controls.parse(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("given", [None, 3, b"noise", ["noise"], ""])
def test_a_control_is_text(given) -> None:
    with pytest.raises(LotteryError, match="control=.*: give its name.*, as text"):
        lth.controls.parse(given)


def test_a_switch_of_a_control_is_true_or_false(monkeypatch) -> None:
    from lth_keras.controls import registry

    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))

    @lth.controls.register("mine")
    def mine(search, case, seed, *, loud: bool = True):
        return case

    assert lth.controls.parse("mine:loud=false").parameters == {"loud": False}
    with pytest.raises(LotteryError, match="loud=no is not allowed: use true or false"):
        lth.controls.parse("mine:loud=no")
