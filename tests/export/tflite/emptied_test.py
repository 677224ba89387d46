"""Layers and channels without weights left are exported to int8, and are right."""

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.papers import networks
from tests.support import masked_models
from tests.support.still_models import RUNTIMES, conv, images, run

layers = keras.layers


def _export(model: keras.Model, path, still: bool = False) -> np.ndarray:
    """What the exported file makes of the images; whether it says what stood still."""
    given = images()
    report = lth.export_tflite(
        model,
        path,
        quantize="int8",
        representative=given,
        batch=given,
        verbose=False,
    )
    assert any("did not move" in note for note in report.notes) == still
    return run(path.read_bytes(), given, RUNTIMES.AUTO)


def _network() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            conv("conv1", activation="relu"),
            conv("conv2", activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(8, "relu", name="dense"),
            layers.Dense(3, name="logits"),
        ]
    )
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0.0, 0.3, bias.shape)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("name", ["conv1", "conv2", "dense", "logits"])
def test_a_layer_without_weights_left_is_exported(tmp_path, name, biased):
    model = _network()
    layer = model.get_layer(name)
    layer.kernel.assign(tf.zeros_like(layer.kernel))
    if not biased:
        layer.bias.assign(tf.zeros_like(layer.bias))
    expected = model.predict(images(), verbose=0)
    found = _export(model, tmp_path / "m.tflite")
    largest = np.abs(expected).max()
    assert np.abs(found - expected).max() <= 0.02 * largest
    assert (largest == 0) == (name == "logits" and not biased)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv1", "conv2", "dense", "logits"])
def test_channels_without_weights_left_are_exported(tmp_path, name):
    model = _network()
    layer = model.get_layer(name)
    kernel = layer.kernel.numpy()
    kernel[..., [0, 2]] = 0
    layer.kernel.assign(kernel)
    expected = model.predict(images(), verbose=0)
    found = _export(model, tmp_path / "m.tflite")
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()
    if name == "logits":
        np.testing.assert_allclose(
            found[:, [0, 2]], [layer.bias.numpy()[[0, 2]]] * 20, atol=0.02
        )


@pytest.mark.slow
def test_a_ticket_through_which_nothing_comes_is_exported(tmp_path):
    """Units that have an input have no output, and the other way round."""
    model = lth.wrap(networks.build("lenet", (6, 6, 2), 10))
    unwrapped = lth.unwrap(masked_models.masked(model, 0.0005))
    first, second = (unwrapped.get_layer(name) for name in ("dense1", "dense2"))
    kernel = np.zeros(first.kernel.shape, np.float32)
    kernel[3, 5], kernel[10, 20] = 0.5, -0.7
    first.kernel.assign(kernel)
    kernel = np.zeros(second.kernel.shape, np.float32)
    kernel[20, 4], kernel[30, 8] = 2.0, 3.0
    second.kernel.assign(kernel)
    for layer in (first, second):
        layer.bias.assign(tf.zeros_like(layer.bias))
    bias = np.linspace(-1.0, 1.0, 10).astype(np.float32)
    unwrapped.get_layer("output").bias.assign(bias)
    found = _export(unwrapped, tmp_path / "m.tflite", still=True)
    np.testing.assert_allclose(found, [bias] * 20, atol=1.01 * 2 / 255)
