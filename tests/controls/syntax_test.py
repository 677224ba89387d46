"""How a control is written: its name, its parameters and its directory."""

from __future__ import annotations

from lth_keras.controls import syntax


def test_a_control_has_a_name_parameters_and_a_directory():
    control = syntax.parse("one_shot+noise:sigma=2")
    assert control.name == "one_shot+noise"
    assert control.parameters == {"sigma": 2.0}
    assert control.key == "one_shot+noise,sigma=2.0"
    assert syntax.parse("noise").key == "noise,sigma=0.5"
    assert syntax.parse("random_reinit").key == "random_reinit"
    assert syntax.parse("random_reinit").parameters == {}
