"""The papers' networks on images of the papers' sizes, and counts of their weights."""

from __future__ import annotations

import functools

import numpy as np

from lth_keras.compat import keras
from lth_keras.papers import networks

MNIST = (28, 28, 1)
CIFAR = (32, 32, 3)


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


def named(model: keras.Model, part: str) -> list[str]:
    return [layer.name for layer in model.layers if part in layer.name]
