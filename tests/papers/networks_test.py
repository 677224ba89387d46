"""The networks have the papers' shapes, weight counts and initial values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from tests.support.paper_networks import CIFAR, MNIST, cifar, kernels

# The convolutions of arXiv 1803.03635, figure 2: 9 x inputs x outputs each.
CONV_64_64 = 1_728 + 36_864
CONV_128_128 = 73_728 + 147_456
CONV_256_256 = 294_912 + 589_824

# The deepest take seconds to be built.
NAMES = [
    pytest.param(name, marks=pytest.mark.slow)
    if name in ("resnet50", "resnet56", "resnet110", "vgg19")
    else name
    for name in networks.names()
]


def test_names_are_the_papers_networks():
    assert networks.names() == (
        "lenet",
        "conv2",
        "conv4",
        "conv6",
        "resnet18",
        "resnet20",
        "resnet20_padded",
        "resnet50",
        "resnet56",
        "resnet110",
        "vgg16",
        "vgg16_dense",
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


@pytest.mark.slow
def test_networks_of_the_paper_on_filters_are_of_the_sizes_in_its_table():
    # 1608.08710, table 1: 8.5e5 and 1.5e7 parameters.
    padded = cifar("resnet20_padded")
    assert kernels(padded, "downsample") == 0
    assert kernels(padded, "conv") == kernels(cifar("resnet20"), "conv")
    vgg = cifar("vgg16_dense")
    assert kernels(vgg, "dense1") == 512 * 512
    assert kernels(vgg) == 14_710_464 + 262_144 + 5_120


@pytest.mark.parametrize("name", ["resnet20_padded", "resnet20"])
def test_a_shortcut_is_padded_with_zeros_or_goes_through_a_convolution(name):
    model = cifar(name)
    added = model.get_layer("stage2_block1_add").input[1]
    outputs = [model.get_layer("stage1_block3_relu2").output, added]
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    given, shortcut = (out.numpy() for out in keras.Model(model.input, outputs)(x))
    padded = np.zeros((1, 16, 16, 32), np.float32)
    padded[..., 8:24] = given[:, ::2, ::2]
    assert np.array_equal(shortcut, padded) == (name == "resnet20_padded")


@pytest.mark.slow
def test_resnet_50_has_25_5_million_prunable_weights():
    """Those of tf_keras's own ResNet50, but for biases and normalisations."""
    model = networks.build("resnet50", (64, 64, 3), 1000)
    theirs = keras.applications.ResNet50(weights=None, classes=1000)
    expected = sum(
        math.prod(layer.kernel.shape)
        for layer in theirs.layers
        if hasattr(layer, "kernel")
    )
    assert kernels(model) == expected == 25_502_912
    assert kernels(model, "output") == 2_048_000
    assert model.get_layer("stage4_block1_add").output.shape == (None, 2, 2, 2048)


@pytest.mark.slow
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


@pytest.mark.slow
def test_vgg_16_has_14_7_million_prunable_weights():
    model = cifar("vgg16")
    assert kernels(model, "conv") == 20_018_880 - 589_824 - 2 * 2_359_296 == 14_710_464


@pytest.mark.parametrize("name", NAMES)
def test_a_network_maps_images_to_one_logit_per_class(name):
    model = cifar(name)
    logits = model(np.zeros((2, 32, 32, 3), np.float32))
    assert logits.shape == (2, 10)
    assert model.layers[-1].name == "output"
    assert model.layers[-1].activation is keras.activations.linear
    assert model.name == name
    assert not any(hasattr(layer, "layer") for layer in model.layers)


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.slow
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
