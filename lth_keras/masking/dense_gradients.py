"""Gradients of pruned weights too, taken between two steps of a running `fit`.

They say which pruned weight would help most if it came back (RigL, 1911.11134).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.gradients import MeanGradients
from lth_keras.masking.network import Network


class DenseGradients:
    """f(data) -> the gradients of `mean_gradients`, pruned entries not left out.

    Everything is as it was then: weights, masks, the metrics of the epoch, states.

    Args:
        network: of a wrapped, compiled model of single weights.

    Raises:
        LotteryError: as of `mean_gradients`.
    """

    def __init__(self, network: Network):
        self._network, self._gradients = network, MeanGradients(network)

    def __call__(self, data: Any) -> list[np.ndarray]:
        """One float32 array per pruned weight, in its shape."""
        with states_kept(self._network.model), _unmasked(self._network):
            return self._gradients(data)


@contextlib.contextmanager
def _unmasked(network: Network) -> Iterator[None]:
    """Masks of ones: pruned weights are +0.0, so that the outputs stay."""
    masks = network.masks
    try:
        for weight in network.pruned:
            weight.write_mask(np.ones(weight.shape, bool))
        yield
    finally:
        for weight, mask in zip(network.pruned, masks, strict=True):
            weight.write_mask(mask)


@contextlib.contextmanager
def states_kept(model: keras.Model) -> Iterator[None]:
    """Sets metrics, and states of recurrent layers, back to what they were."""
    held = [variable for metric in model.metrics for variable in metric.variables]
    for layer in compat.layers_within(model):
        if getattr(layer, "stateful", False):
            states = tf.nest.flatten(getattr(layer, "states", None) or [])
            held += [state for state in states if isinstance(state, tf.Variable)]
    before = [keras.backend.get_value(variable) for variable in held]
    try:
        yield
    finally:
        for variable, value in zip(held, before, strict=True):
            variable.assign(value)
