"""The networks have the papers' shapes, weight counts and initial values."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks

MNIST = (28, 28, 1)
CIFAR = (32, 32, 3)

# The convolutions of arXiv 1803.03635, figure 2: 9 x inputs x outputs each.
CONV_64_64 = 1_728 + 36_864
CONV_128_128 = 73_728 + 147_456
CONV_256_256 = 294_912 + 589_824


@functools.cache
def cifar(name: str) -> keras.Model:
    """The network for 32x32x3 images and 10 classes, built once for all tests."""
    keras.utils.set_random_seed(1)
    return networks.build(name, CIFAR, 10)


def kernels(model: keras.Model, part: str = "") -> int:
    """Kernel entries in the layers whose name contains `part`."""
    return sum(
        int(np.prod(layer.kernel.shape))
        for layer in model.layers
        if hasattr(layer, "kernel") and part in layer.name
    )


def test_names_are_the_papers_networks():
    assert networks.names() == (
        "lenet",
        "conv2",
        "conv4",
        "conv6",
        "resnet18",
        "resnet20",
        "vgg16",
        "vgg19",
    )


def test_lenet_has_266200_kernel_weights_and_410_biases():
    model = networks.build("lenet", MNIST, 10)
    assert kernels(model, "dense1") == 784 * 300
    assert kernels(model) == 235_200 + 30_000 + 1_000 == 266_200
    assert model.count_params() == 266_200 + 410


@pytest.mark.parametrize(
    "name, conv, flat, total",
    [
        ("conv2", CONV_64_64, 16 * 16 * 64, 4_300_992),
        ("conv4", CONV_64_64 + CONV_128_128, 8 * 8 * 128, 2_425_024),
        ("conv6", CONV_64_64 + CONV_128_128 + CONV_256_256, 4 * 4 * 256, 2_261_184),
    ],
)
def test_conv_nets_have_the_papers_weight_counts(name, conv, flat, total):
    model = cifar(name)
    assert kernels(model, "conv") == conv
    assert kernels(model, "dense1") == flat * 256
    assert kernels(model) == conv + flat * 256 + 65_536 + 2_560 == total


@pytest.mark.parametrize("name", ["resnet18", "resnet20"])
def test_resnet_20_has_267696_prunable_and_3200_spared_weights(name):
    model = cifar(name)
    stages = 6 * 2_304, 4_608 + 5 * 9_216, 18_432 + 5 * 36_864
    assert kernels(model, "conv") == 432 + sum(stages) == 267_696
    assert kernels(model, "downsample") == 16 * 32 + 32 * 64 == 2_560
    assert kernels(model, "output") == 640
    assert kernels(model) == 270_896


def test_vgg_19_has_20_million_prunable_weights():
    model = cifar("vgg19")
    groups = (
        CONV_64_64,
        CONV_128_128,
        294_912 + 3 * 589_824,
        1_179_648 + 3 * 2_359_296,
        4 * 2_359_296,
    )
    assert kernels(model, "conv") == sum(groups) == 20_018_880
    assert kernels(model, "output") == 5_120


def test_vgg_16_has_14_7_million_prunable_weights():
    model = cifar("vgg16")
    assert kernels(model, "conv") == 20_018_880 - 589_824 - 2 * 2_359_296 == 14_710_464


@pytest.mark.parametrize("name", networks.names())
def test_a_network_maps_images_to_one_logit_per_class(name):
    model = cifar(name)
    logits = model(np.zeros((2, 32, 32, 3), np.float32))
    assert logits.shape == (2, 10)
    assert model.layers[-1].name == "output"
    assert model.layers[-1].activation is keras.activations.linear
    assert model.name == name
    assert not any(hasattr(layer, "layer") for layer in model.layers)


@pytest.mark.parametrize("name", networks.names())
def test_weights_start_glorot_normal_and_biases_at_zero(name):
    model = cifar(name)
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            assert not np.any(layer.bias.numpy())
        if hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            *window, inputs, outputs = kernel.shape
            fans = math.prod(window) * (inputs + outputs)
            spread = 5 / math.sqrt(2 * kernel.size)
            assert np.std(kernel) == pytest.approx(math.sqrt(2 / fans), rel=spread)


def test_the_same_seed_gives_the_same_weights():
    draws = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        draws.append(networks.build("lenet", (4, 4, 1), 2).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(draws[0], draws[1], strict=True))
    assert not np.array_equal(draws[0][0], draws[2][0])


def named(model: keras.Model, part: str) -> list[str]:
    return [layer.name for layer in model.layers if part in layer.name]


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


def test_layer_names_are_readable_and_the_same_in_every_build():
    for _ in range(2):
        layers = networks.build("conv2", CIFAR, 10).layers
        assert [layer.name for layer in layers] == [
            "image",
            "conv1",
            "conv2",
            "pool1",
            "flatten",
            "dense1",
            "dense2",
            "output",
        ]
    resnet = [layer.name for layer in cifar("resnet20").layers]
    assert [name for name in resnet if name.endswith("_downsample")] == [
        "stage2_block1_downsample",
        "stage3_block1_downsample",
    ]
    assert "stage3_block3_conv2" in resnet


def test_batch_norm_follows_every_convolution_of_resnet_and_vgg_only():
    counts = {
        name: sum(
            isinstance(layer, keras.layers.BatchNormalization)
            for layer in cifar(name).layers
        )
        for name in ("conv6", "resnet20", "vgg16", "vgg19")
    }
    assert counts == {"conv6": 0, "resnet20": 21, "vgg16": 13, "vgg19": 16}


def test_small_images_are_accepted_down_to_the_last_pooling():
    assert networks.build("vgg19", (16, 16, 1), 10).output_shape == (None, 10)
    assert networks.build("conv6", (8, 8, 1), 10).output_shape == (None, 10)
    assert networks.build("resnet20", (8, 8, 1), 10).output_shape == (None, 10)


@pytest.mark.parametrize(
    "name, shape, classes, message",
    [
        ("lenet5", MNIST, 10, "model='lenet5' is unknown; use one of lenet, conv2"),
        ("vgg19", (8, 8, 1), 10, "'vgg19' halves .* 4 times .* 16x16, not 8x8"),
        ("conv6", (28, 7, 1), 10, "needs at least 8x8, not 28x7"),
        ("lenet", (784,), 10, r"input_shape=\(784,\) is no image"),
        ("lenet", (28, 28, None), 10, "is no image"),
        ("lenet", (0, 28, 1), 10, "is no image"),
        ("lenet", MNIST, 1, "classes=1 is not allowed; use at least 2"),
    ],
)
def test_a_request_that_cannot_be_built_gets_one_clear_line(
    name, shape, classes, message
):
    with pytest.raises(LotteryError, match=message) as error:
        networks.build(name, shape, classes)
    assert "\n" not in str(error.value)
