"""XLA on a CPU: for networks without convolutions, wherever these may be hidden."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from lth_keras.training import jit

layers = keras.layers


def network(layer: keras.layers.Layer, shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


def test_a_dense_network_is_compiled():
    model = networks.build("lenet", (4, 4, 1), 2)
    assert jit.choose(model)
    assert jit.choose(lth.wrap(model))


@pytest.mark.parametrize(
    "name", ["conv2", pytest.param("resnet20", marks=pytest.mark.slow)]
)
def test_a_network_with_convolutions_is_not_compiled(name):
    model = networks.build(name, (4, 4, 1), 2)
    assert not jit.choose(model)
    assert not jit.choose(lth.wrap(model))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv1D(2, 1), (4, 1)),
        (layers.Conv3D(2, 1), (2, 2, 2, 1)),
        (layers.Conv2DTranspose(2, 1), (4, 4, 1)),
        (layers.DepthwiseConv1D(1), (4, 1)),
        (layers.DepthwiseConv2D(1), (4, 4, 1)),
        (layers.SeparableConv1D(2, 1), (4, 1)),
        (layers.SeparableConv2D(2, 1), (4, 4, 1)),
        (layers.TimeDistributed(layers.Conv1D(2, 1)), (2, 4, 1)),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_every_kind_of_convolution_counts(layer, shape):
    assert not jit.choose(network(layer, shape))


def test_a_convolution_in_a_nested_model_counts():
    inner = network(layers.Conv2D(1, 1), (2, 2, 1))
    outer = keras.Sequential([keras.Input((2, 2, 1)), inner, layers.Flatten()])
    assert not jit.choose(outer)


def test_on_an_accelerator_everything_is_compiled(monkeypatch):
    class Device:
        device_type = "GPU"

    monkeypatch.setattr(jit.tf.config, "list_logical_devices", lambda: [Device()])
    assert jit.choose(networks.build("conv2", (4, 4, 1), 2))


def test_only_tf_keras_models_are_judged():
    with pytest.raises(LotteryError, match="expected a tf_keras model"):
        jit.choose(None)
