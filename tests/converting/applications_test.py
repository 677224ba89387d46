"""Networks of keras.applications: converted, pruned, and back in Keras 3."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras3
from tests.support.keras3_models import array, close

# With the smallest images that each takes, or nearly.
NETWORKS = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_keras_applications_converts_and_takes_its_zeros_back(
    name: str,
) -> None:
    keras3().utils.set_random_seed(0)
    shape = (NETWORKS[name], NETWORKS[name], 3)
    network = getattr(keras3().applications, name)
    source = network(weights=None, input_shape=shape, classes=10)
    made = lth.from_keras3(source)
    x = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")
    wanted = array(source(x, training=False))
    np.testing.assert_allclose(made(x, training=False), wanted, atol=close(), rtol=0)

    kernels = [w for w in made.trainable_weights if len(w.shape) > 1]
    rng = np.random.default_rng(0)
    for kernel in kernels:
        kernel.assign(kernel.numpy() * (rng.random(kernel.shape) < 0.2))
    lth.write_to(source, made)
    zeros = sum(int(np.sum(array(w) == 0)) for w in source.trainable_weights)
    assert zeros >= sum(int(np.sum(kernel.numpy() == 0)) for kernel in kernels) > 0
    theirs = array(source(x, training=False))
    np.testing.assert_allclose(made(x, training=False), theirs, atol=close(), rtol=0)
