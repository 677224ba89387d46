"""The effective density is that of paths that are found one by one, by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking import paths
from lth_keras.masking.network import Network
from tests.support.model_zoo import FAMILIES, names

layers = keras.layers
RNG = np.random.default_rng(0)


def masked(model: keras.Model, share: float = 0.5, **wrapped) -> Network:
    """A wrapped model with random masks."""
    network = Network.of(lth.wrap(model, 0.5, embeddings=False, **wrapped))
    for weight in network.pruned:
        weight.write_mask(RNG.random(weight.shape) < share)
    return network


def by_gradient(network: Network, channels: int, size: tuple[int, ...]) -> list:
    """Entries on a path: with all weights positive, those that move the output.

    Kept weights are 1 and biases 0, so that what an input reaches is above 0 and
    every gradient is the number of paths through an entry, times inputs of 1.
    """
    import tensorflow as tf

    plain = lth.unwrap(network.model)
    for weight in Network.of(plain).weights:
        value = weight.read()
        if weight.name in ("bias", "beta", "moving_mean"):
            weight.write(np.zeros_like(value))
        elif weight.name in ("gamma", "moving_variance"):
            weight.write(np.ones_like(value))
    for weight, own in zip(network.weights, Network.of(plain).weights, strict=True):
        if weight.is_pruned:
            own.write(weight.read_mask().astype(np.float32))
        elif len(weight.shape) > 1:
            own.write(np.ones(weight.shape, np.float32))
    kernels = [
        own.variable
        for weight, own in zip(network.weights, Network.of(plain).weights, strict=True)
        if weight.is_pruned
    ]
    with tf.GradientTape() as tape:
        outputs = plain(np.ones((1, *size, channels), np.float32))
        total = tf.add_n([tf.reduce_sum(o) for o in tf.nest.flatten(outputs)])
    return [
        (np.asarray(gradient) > 0) & weight.read_mask()
        for gradient, weight in zip(
            tape.gradient(total, kernels), network.pruned, strict=True
        )
    ]


def test_paths_of_two_matrices_are_counted_by_hand():
    model = keras.Sequential(
        [layers.Dense(3, use_bias=True, input_shape=(2,)), layers.Dense(2)]
    )
    network = Network.of(lth.wrap(model, 0.5))
    first, second = network.pruned
    first.write_mask(np.array([[1, 0, 1], [0, 0, 1]], bool))
    second.write_mask(np.array([[0, 0], [1, 1], [1, 0]], bool))
    # Unit 0 leads nowhere, nothing leads to unit 1: unit 2 is left, with its two
    # inputs and one output.
    assert [e.astype(int).tolist() for e in paths.effective(network)] == [
        [[0, 0, 1], [0, 0, 1]],
        [[0, 0], [0, 0], [1, 0]],
    ]
    assert paths.density(network) == 3 / 12 and network.density == 6 / 12
    second.write_mask(np.zeros((3, 2), bool))
    assert paths.density(network) == 0.0
    dense = [np.ones((2, 3), bool), np.ones((3, 2), bool)]
    assert paths.density(network, dense) == 1.0


def chain() -> keras.Model:
    return keras.Sequential(
        [
            layers.Conv2D(5, 3, padding="same", input_shape=(4, 4, 3)),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(6, 1, depth_multiplier=2),
            layers.Conv2DTranspose(4, 2, strides=1),
            layers.DepthwiseConv2D(1, depth_multiplier=2),
            layers.Conv2D(6, 1, groups=2),
            layers.Flatten(),
            layers.Dense(7, "relu"),
            layers.Dense(3),
        ]
    )


def branches() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    inner_in = keras.Input((4, 4, 4))
    inner = keras.Model(
        inner_in, layers.ReLU()(layers.Conv2D(4, 1, name="shared")(inner_in))
    )
    one = layers.Conv2D(4, 3, padding="same")(inputs)
    two = layers.Conv2D(4, 1)(inputs)
    x = layers.Add()([inner(one), inner(two), one])
    x = layers.Concatenate()([x, layers.Conv2D(3, 1)(two)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, [layers.Dense(2)(x), layers.Dense(3)(x)])


@pytest.mark.parametrize("made", [chain, branches])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_entries_on_a_path_are_those_that_move_the_output(made, share):
    network = masked(made(), share)
    found, expected = paths.effective(network), by_gradient(network, 3, (4, 4))
    kernels = zip(network.pruned, found, expected, strict=True)
    for weight, one, other in kernels:
        # Borders of an image reach some places of a kernel not at all; channels do.
        axes = tuple(range(one.ndim - 2))
        assert np.array_equal(one.any(axis=axes), other.any(axis=axes)), weight.path
    assert paths.density(network) < network.density


def test_half_the_filters_leave_a_quarter_of_the_weights_between_them():
    model = keras.Sequential(
        [
            layers.Conv2D(8, 3, use_bias=False, input_shape=(6, 6, 3)),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    model = lth.wrap(model, 0.5, granularity="filter")
    assert lth.prune(model) == 0.5
    table = lth.coverage(model, print_fn=None)
    expected = (9 * 3 * 4 + 9 * 4 * 4) / (9 * 3 * 8 + 9 * 8 * 8)
    assert table.effective_density == paths.density(Network.of(model)) == expected
    assert table.density == 0.5
    rows = [row for row in table if row.pruned]
    assert [row.effective for row in rows] == [0.5, 0.25]
    assert str(table).splitlines()[-2:] == [
        f"of these on a path from input to output: {expected:.4f}",
        "density of the prunable weights: 0.5000",
    ]


def test_what_is_not_known_leads_from_everything_to_everything():
    inputs = keras.Input((5, 4))
    x = layers.LSTM(3)(layers.Dense(4)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    network = masked(model, 0.5)
    assert all(
        np.array_equal(found, mask)
        for found, mask in itertools.islice(
            zip(paths.effective(network), network.masks, strict=True), 1, 3
        )
    )
    unwrapped = lth.coverage(model, print_fn=None)
    assert unwrapped.effective_density == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("build", FAMILIES, ids=names(FAMILIES))
def test_every_family_of_models_has_paths(build):
    model, inputs = build()
    if not model.built:
        model(inputs)
    network = Network.of(lth.wrap(model, 0.5, embeddings=True))
    assert paths.density(network) == 1.0
    for weight in network.pruned:
        weight.write_mask(RNG.random(weight.shape) < 0.5)
    found = paths.effective(network)
    assert 0 < paths.density(network) <= network.density
    for one, mask in zip(found, network.masks, strict=True):
        assert not (one & ~mask).any()
