"""Sums and concatenations keep what either side needs."""

import numpy as np
import pytest

from lth_keras.compat import keras
from tests.support.compact_checks import assign, check, inputs_of, randomise, sizes_of

layers = keras.layers


def test_a_residual_sum_keeps_what_either_side_needs():
    inputs = keras.Input((8, 8, 3))
    trunk = layers.Conv2D(6, 3, padding="same", name="trunk")(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(trunk))
    branch = layers.Conv2D(6, 3, padding="same", name="branch")(hidden)
    total = layers.Add(name="sum")([trunk, branch])
    head = layers.Conv2D(4, 3, name="head")(layers.ReLU()(total))
    model = keras.Model(
        inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(head)), name="residual"
    )
    randomise(model, 1.0)
    kernel, bias = model.get_layer("head").get_weights()
    kernel[:, :, [1, 4]] = 0
    assign(model, "head", kernel, bias)
    kernel, bias = model.get_layer("branch").get_weights()
    kernel[:, :, 4] = 0
    kernel[..., 0] = 0
    assign(model, "branch", kernel, bias)
    done = check(model)
    # Channel 4 is used by neither; channel 1 by the branch alone; channel 0 of the
    # branch is constant, but has a place in the sum.
    sizes = sizes_of(done)
    assert (sizes["trunk"], sizes["branch"], sizes["head"]) == ((3, 5), (5, 4), (4, 4))
    why = {layer.name: layer.why_not_smaller for layer in done.layers}
    assert "sum joins it to others" in why["branch"]


@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_a_constant_branch_of_a_sum_becomes_an_offset(offset):
    inputs = keras.Input((6,))
    trunk = layers.Dense(4, name="trunk")(inputs)
    branch = layers.Dense(4, name="dead")(layers.Dense(5, name="lost")(trunk))
    outputs = layers.Dense(2, name="head")(layers.Add()([trunk, branch]))
    model = randomise(keras.Model(inputs, outputs), 1.0)
    assign(model, "dead", np.zeros((5, 4)), [offset] * 4)
    done = check(model)
    assert sizes_of(done)["dead"] == sizes_of(done)["lost"] == (0, 0)


def test_concatenated_parts_shrink_by_themselves():
    a, b = keras.Input((5,), name="a"), keras.Input((4,), name="b")
    parts = [
        layers.Dense(3, "relu", name="x")(a),
        layers.Dense(4, "tanh", name="y")(b),
        layers.Dense(2, name="gone")(a),
    ]
    joined = layers.Concatenate()(parts)
    model = keras.Model([a, b], layers.Dense(2, name="head")(joined))
    randomise(model, 1.0)
    kernel, bias = model.get_layer("head").get_weights()
    kernel[[1, 3, 7, 8]] = 0
    assign(model, "head", kernel, bias)
    sizes = sizes_of(check(model))
    assert sizes == {"x": (5, 2), "y": (4, 3), "gone": (0, 0), "head": (5, 2)}


@pytest.mark.parametrize(
    ("join", "offset"),
    [
        pytest.param(layers.Add(), 0.5, marks=pytest.mark.slow),
        (layers.Concatenate(), 0.0),
        pytest.param(layers.Add(), 0.0, marks=pytest.mark.slow),
        pytest.param(layers.Concatenate(), 0.5, marks=pytest.mark.slow),
    ],
)
def test_a_mask_of_time_steps_stays_though_its_branch_is_dead(join, offset):
    inputs = keras.Input((6, 4))
    masked = layers.Masking()(inputs)
    live = masked if isinstance(join, layers.Add) else inputs
    join = type(join)()
    joined = join([layers.Dense(8, name="dead")(masked), layers.Dense(8)(live)])
    model = keras.Model(inputs, layers.SimpleRNN(5)(layers.Dense(6)(joined)))
    assign(model, "dead", np.zeros((4, 8)), np.full(8, offset))
    given = inputs_of(model)
    given[0][0, 3:] = 0
    done = check(model, given)
    why = {layer.name: layer.why_not_smaller for layer in done.layers}
    assert f"{join.name} is left as it is" in why["dead"]
