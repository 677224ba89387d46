"""Training on masks equals training with hand-masked weights, bit for bit.

The oracle multiplies each kernel by a constant mask in the forward pass of a plain
Keras layer (w * m) and knows nothing of this package.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from tests.support.masked_models import arrays, equal, masked
from tests.support.masked_training import EQUALS, INPUTS, fit, net

layers = keras.layers
optimizers = keras.optimizers


class HandMaskedDense(layers.Dense):
    """Dense with w * m in the forward pass."""

    mask = 1.0

    def call(self, inputs):
        product = tf.matmul(inputs, self.kernel * self.mask)
        return self.activation(tf.nn.bias_add(product, self.bias))


class HandMaskedConv(layers.Conv2D):
    """Conv2D with w * m in the forward pass."""

    mask = 1.0

    def call(self, inputs):
        found = self.convolution_op(inputs, self.kernel * self.mask)
        return self.activation(tf.nn.bias_add(found, self.bias))


def with_oracle(**arguments) -> tuple[keras.Model, keras.Model]:
    """A wrapped model on random masks, and the plain net masked by hand."""
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D, **arguments), 0.5))
    oracle = net(HandMaskedDense, HandMaskedConv, **arguments)
    plain = [layer for layer in model.layers if layer.weights]
    for layer, twin in zip(plain, [x for x in oracle.layers if x.weights], strict=True):
        twin.set_weights(layer.get_weights())
        if isinstance(layer, lth.PruneByLevel):
            twin.mask = layer.pruning_vars[0][1].numpy()
    return model, oracle


def effective(model: keras.Model) -> list[np.ndarray]:
    return arrays(
        [
            weight * layer.mask if weight.shape.rank > 1 else weight
            for layer in model.layers
            for weight in layer.weights
            if not isinstance(layer, lth.PruneByLevel)
            for layer.mask in [getattr(layer, "mask", 1.0)]
        ]
    )


# Slots and clipping.
FAST = ("adam_clipnorm",)


@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in EQUALS
    ],
)
def test_training_equals_hand_masked_training_bit_for_bit(name):
    model, oracle = with_oracle()
    fit(model, EQUALS[name]())
    fit(oracle, EQUALS[name]())
    plain = lth.unwrap(model)
    assert equal(plain.weights, effective(oracle))
    assert equal(plain(INPUTS), oracle(INPUTS))


@pytest.mark.slow
def test_it_equals_hand_masked_training_with_regularisers():
    # The regulariser of the oracle must see masked weights too: they start as zeros,
    # and l2 of a zero sends no gradient.
    model, oracle = with_oracle(kernel_regularizer="l2", activity_regularizer="l1")
    fit(model, optimizers.Adam(0.01))
    fit(oracle, optimizers.Adam(0.01))
    assert equal(lth.unwrap(model).weights, effective(oracle))


@pytest.mark.slow
def test_it_equals_hand_masked_training_in_half_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model, oracle = with_oracle()
    fit(model, optimizers.SGD(0.1, momentum=0.9))
    fit(oracle, optimizers.SGD(0.1, momentum=0.9))
    assert equal(lth.unwrap(model).weights, effective(oracle))


@pytest.mark.slow
def test_under_xla_it_equals_hand_masked_training_to_the_last_places():
    # XLA fuses the product with the mask into other loops, and may sum in another
    # order there.
    model, oracle = with_oracle()
    fit(model, optimizers.Adam(0.01), jit_compile=True)
    fit(oracle, optimizers.Adam(0.01), jit_compile=True)
    for found, expected in zip(
        arrays(lth.unwrap(model).weights), effective(oracle), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.slow
def test_with_masks_of_ones_it_equals_the_plain_model():
    plain = net(layers.Dense, layers.Conv2D)
    model = lth.wrap(plain, 0.5)
    for each in (plain, model):
        fit(each, optimizers.Adam(0.01, clipnorm=0.1))
    assert equal(plain.weights, lth.unwrap(model).weights)
