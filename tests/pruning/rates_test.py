"""Which rate each layer gets."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.wrappers import PruneByLevel

layers = keras.layers


def net() -> keras.Model:
    return keras.Sequential(
        [
            layers.Dense(4, input_shape=(3,), name="hidden_1"),
            layers.Dense(4, name="hidden_2"),
            layers.Dense(2, name="out"),
        ]
    )


def rates(model: keras.Model) -> dict[str, float]:
    return {
        layer.name: layer.rate
        for layer in model.layers
        if isinstance(layer, PruneByLevel)
    }


def test_a_float_is_every_layers_rate():
    assert rates(lth.wrap(net(), 0.3)) == dict.fromkeys(
        ("hidden_1", "hidden_2", "out"), 0.3
    )


def test_a_pattern_gives_its_layers_their_rate_and_leaves_out_the_others():
    assert rates(lth.wrap(net(), {"hidden": 0.3})) == {"hidden_1": 0.3, "hidden_2": 0.3}


def test_the_first_pattern_that_matches_decides():
    found = rates(lth.wrap(net(), {"_2$": 0.1, "out": None, "": 0.3}))
    assert found == {"hidden_1": 0.3, "hidden_2": 0.1}


def test_a_function_of_the_layer_decides():
    found = rates(lth.wrap(net(), lambda layer: None if layer.units == 2 else 0.4))
    assert found == {"hidden_1": 0.4, "hidden_2": 0.4}


@pytest.mark.parametrize("exclude", ["hidden", ["_1", "_2"], ("hidden_[12]",)])
def test_excluded_layers_stay_dense(exclude):
    assert rates(lth.wrap(net(), 0.2, exclude=exclude)) == {"out": 0.2}


def test_the_output_layer_may_have_a_rate_of_its_own():
    found = rates(lth.wrap(net(), 0.2, output_rate=0.1))
    assert found == {"hidden_1": 0.2, "hidden_2": 0.2, "out": 0.1}


def test_the_output_rate_does_not_bring_back_a_layer_left_out():
    assert rates(lth.wrap(net(), {"hidden": 0.2}, output_rate=0.1)) == {
        "hidden_1": 0.2,
        "hidden_2": 0.2,
    }


def test_the_output_layer_is_found_behind_layers_that_hold_no_kernel():
    model = keras.Sequential([*net().layers, layers.BatchNormalization()])
    model.add(layers.Softmax())
    assert rates(lth.wrap(model, 0.2, output_rate=0.1))["out"] == 0.1


def test_each_branch_of_a_functional_model_has_its_output_layer():
    inputs = keras.Input((3,))
    trunk = layers.Dense(4, name="trunk")(inputs)
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, layers.Dense(2, name="deep")(inner_input))
    merged = layers.Add()([inner(trunk), layers.Dense(2, name="skip")(inputs)])
    other = layers.ReLU()(layers.Dense(1, name="other")(trunk))
    model = keras.Model(inputs, [merged, other])
    wrapped = lth.wrap(model, 0.2, output_rate=0.1)
    found = {m.name: m.rate for m in wrapped.submodules if isinstance(m, PruneByLevel)}
    assert found == {"trunk": 0.2, "deep": 0.1, "skip": 0.1, "other": 0.1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0}, "rate=0 is not a pruning rate"),
        ({"rate": 1.0}, "rate=1.0 is not a pruning rate"),
        ({"rate": "fast"}, "rate='fast' is not a pruning rate"),
        ({"rate": {"out": 2}}, r"rate\['out'\]=2 is not a pruning rate"),
        ({"rate": {"(": 0.2}}, r"rate: '\(' is not a regular expression"),
        ({"rate": {3: 0.2}}, "rate: 3 is not a regular expression"),
        ({"rate": {"hiden": 0.2}}, "no prunable layer is left for 'hiden'"),
        ({"rate": {"hid": 0.2, "hidden_1": 0.1}}, "is left for 'hidden_1': no name"),
        ({"rate": lambda layer: 7}, r"rate\(layer\) for layer 'hidden_1'=7 is not"),
        ({"output_rate": 1.5}, "output_rate=1.5 is not a pruning rate"),
        ({"exclude": "conv"}, "no prunable layer is left for 'conv'"),
        ({"exclude": 3}, "exclude=3: give regular expressions"),
        ({"exclude": ["["]}, r"exclude: '\[' is not a regular expression"),
        ({"exclude": ""}, "the model has no layer that can be pruned"),
        (
            {"scope": "global", "output_rate": 0.1},
            r"scope='global' ranks .* \[0.1, 0.2\]",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(arguments, message):
    with pytest.raises(LotteryError, match=message) as caught:
        lth.wrap(net(), **{"rate": 0.2, **arguments})
    assert "\n" not in str(caught.value)


def test_global_scope_takes_none_for_layers_to_leave_out():
    wrapped = lth.wrap(net(), {"out": None, "": 0.2}, scope="global")
    assert rates(wrapped) == {"hidden_1": 0.2, "hidden_2": 0.2}
