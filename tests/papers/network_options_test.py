"""The options of the papers' networks: widths, hidden layers, dropout, decay."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from tests.support.paper_networks import CIFAR, kernels, named


@pytest.mark.parametrize("hidden", [(7,), [6, 5], (4, 3, 2)])
def test_lenet_can_have_other_hidden_layers(hidden):
    model = networks.build("lenet", (4, 4, 1), 2, hidden=hidden)
    assert named(model, "dense") == [f"dense{n + 1}" for n in range(len(hidden))]
    sizes = [16, *hidden, 2]
    assert kernels(model) == sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))


@pytest.mark.parametrize(
    "name, width, channels",
    [
        ("conv2", 2, [128, 128]),
        ("conv4", 0.25, [16, 16, 32, 32]),
        ("vgg16", 0.01, [1, 1, 1, 1, 3, 3, 3, 5, 5, 5, 5, 5, 5]),
    ],
)
def test_width_multiplies_the_channels_of_the_convolutions(name, width, channels):
    model = networks.build(name, (16, 16, 1), 2, width=width)
    found = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    assert found == channels
    assert all(model.get_layer(d).units == 256 for d in named(model, "dense"))


@pytest.mark.slow
def test_a_wide_resnet_20_has_4_times_the_convolution_weights_but_the_firsts():
    model = networks.build("resnet20", CIFAR, 10, width=2)
    assert kernels(model, "conv") == 4 * (267_696 - 432) + 2 * 432
    assert kernels(model, "downsample") == 4 * 2_560
    assert kernels(model, "output") == 2 * 640


@pytest.mark.parametrize("name", ["lenet", "conv2"])
def test_dropout_follows_each_hidden_dense_layer(name):
    model = networks.build(name, (4, 4, 1), 2, dropout=0.5)
    names = [layer.name for layer in model.layers]
    hidden = ["flatten", "dense1", "dropout1", "dense2", "dropout2", "output"]
    assert names[-6:] == hidden
    assert {model.get_layer(f"dropout{n}").rate for n in (1, 2)} == {0.5}
    keras.utils.set_random_seed(5)
    drawn = networks.build(name, (4, 4, 1), 2, dropout=0.5).get_weights()
    keras.utils.set_random_seed(5)
    plain = networks.build(name, (4, 4, 1), 2).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(drawn, plain, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "resnet20"])
def test_weight_decay_adds_its_share_of_each_kernel_to_the_gradient(name):
    model = networks.build(name, (4, 4, 1), 2, weight_decay=0.25)
    with tf.GradientTape() as tape:
        penalty = tf.add_n(model.losses)
    expected = 0.0
    for weight, gradient in zip(
        model.trainable_weights,
        tape.gradient(penalty, model.trainable_weights),
        strict=True,
    ):
        if "kernel" in weight.name:
            np.testing.assert_allclose(gradient, 0.25 * weight.numpy(), rtol=1e-6)
            expected += 0.125 * np.sum(weight.numpy() ** 2, dtype=np.float64)
        else:
            assert gradient is None
    assert float(penalty) == pytest.approx(expected, rel=1e-5)
    assert not networks.build(name, (4, 4, 1), 2).losses


@pytest.mark.parametrize(
    "name, given, message",
    [
        ("lenet", {"width": 2}, "width=2: lenet has no convolutions .* use hidden"),
        ("conv2", {"hidden": (9,)}, r"hidden=\(9,\) is for lenet alone; conv2"),
        ("resnet20", {"dropout": 0.5}, "resnet20 has no hidden dense layer"),
        ("vgg16", {"dropout": 0.5}, "vgg16 has no hidden dense layer"),
        ("lenet", {"hidden": ()}, r"hidden=\(\) is not allowed"),
        ("lenet", {"hidden": (3, 0)}, "whole numbers of at least 1"),
        ("conv2", {"width": 0}, "width=0 is not allowed; use a number above 0"),
        ("lenet", {"dropout": 1}, "dropout=1 is not allowed; use a share from 0"),
        ("lenet", {"weight_decay": -1}, "weight_decay=-1 is not allowed"),
        ("lenet", {"weight_decay": math.nan}, "weight_decay=nan is not allowed"),
    ],
)
def test_an_option_out_of_range_or_of_another_network_is_refused(name, given, message):
    with pytest.raises(LotteryError, match=message) as error:
        networks.build(name, CIFAR, 10, **given)
    assert "\n" not in str(error.value)
