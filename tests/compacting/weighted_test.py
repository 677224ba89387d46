"""Dense layers and convolutions lose units and fold constants, worked out by hand."""

import numpy as np
import pytest

from lth_keras.compat import keras
from tests.support.compact_checks import assign, check, randomise, sizes_of

layers = keras.layers


def test_a_small_network_shrinks_as_worked_out_by_hand():
    model = keras.Sequential(
        [
            layers.Dense(4, "relu", name="a", input_shape=(3,)),
            layers.Dense(2, name="b"),
        ]
    )
    # Input 1 is not used; unit 1 is fed by nothing, relu(2) = 2; nothing uses unit 2;
    # unit 3 is fed by nothing and 0 after the relu.
    assign(model, "a", [[1, 0, 5, 0], [0, 0, 6, 0], [3, 0, 7, 0]], [0.5, 2, 3, -4])
    assign(model, "b", [[1, 2], [10, 20], [0, 0], [8, 9]], [0.25, 0.75])
    done = check(model)
    assert sizes_of(done) == {"a": (2, 1), "b": (1, 2)}
    a, b = done.model.get_layer("a"), done.model.get_layer("b")
    np.testing.assert_array_equal(a.get_weights()[0], [[1], [3]])
    np.testing.assert_array_equal(a.get_weights()[1], [0.5])
    np.testing.assert_array_equal(b.get_weights()[0], [[1, 2]])
    np.testing.assert_array_equal(b.get_weights()[1], [20.25, 40.75])
    assert done.multiply_adds == (3 * 4 + 4 * 2, 2 * 1 + 1 * 2)
    assert done.parameters == (16 + 10, 3 + 4)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", None])
@pytest.mark.parametrize(
    "padding", ["same", pytest.param("valid", marks=pytest.mark.slow)]
)
def test_constants_are_folded_exactly_through_either_padding(activation, padding):
    model = keras.Sequential(
        [
            layers.Conv2D(6, 3, padding=padding, name="a", input_shape=(9, 9, 2)),
            layers.BatchNormalization(name="norm"),
            layers.Activation(activation or "linear"),
            layers.Conv2D(5, 3, strides=2, padding=padding, name="b"),
            layers.AveragePooling2D(2, padding=padding),
            layers.Conv2D(4, 1, padding=padding, use_bias=False, name="c"),
            layers.Flatten(),
            layers.Dense(3, activation, name="d"),
        ]
    )
    randomise(model, 0.5)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[..., [0, 2, 3]] = 0
    assign(model, "a", kernel, bias)
    done = check(model)
    # Before a padded kernel, one of the three constants stands for all.
    assert sizes_of(done)["b"][0] == (4 if padding == "same" else 3)


def test_a_zero_constant_needs_no_channel_before_a_padded_kernel():
    model = keras.Sequential(
        [
            layers.Conv2D(3, 3, activation="relu", name="a", input_shape=(5, 5, 1)),
            layers.Conv2D(2, 3, padding="same", name="b"),
        ]
    )
    randomise(model, 1.0)
    kernel, _ = model.get_layer("a").get_weights()
    kernel[..., 1] = 0
    assign(model, "a", kernel, [0.5, -1, 0.5])
    assert sizes_of(check(model)) == {"a": (1, 2), "b": (2, 2)}
