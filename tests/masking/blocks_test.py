"""Layers inside a caller's own layers are pruned as layers of the model are."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.support import hand_masked, model_zoo
from tests.support.masked_models import equal, masked, violations
from tests.support.own_blocks import LateBlock, TransformerBlock

layers = keras.layers
SLOW = (model_zoo.blocks, model_zoo.late_block, model_zoo.cell_of_layers)


def loss(model: keras.Model, batch: object) -> tf.Tensor:
    return tf.reduce_mean(model(batch, training=True) ** 2) + sum(model.losses)


@pytest.mark.parametrize(
    "family",
    [
        model_zoo.compiled_block,
        *(pytest.param(family, marks=pytest.mark.slow) for family in SLOW),
    ],
    ids=lambda value: value.__name__,
)
def test_training_equals_gradients_masked_by_hand(family):
    with compat.resettable_generators():
        plain, inputs = family()
    wrapped = masked(lth.wrap(plain, 0.5))
    masks = hand_masked.places(plain, wrapped)
    hand_masked.put_on(plain, masks)
    for model in (plain, wrapped):
        compat.reset_generators(model, 7)
    adam = keras.optimizers.Adam
    hand_masked.train(wrapped, loss, [inputs] * 4, adam(0.01))
    hand_masked.train(plain, loss, [inputs] * 4, adam(0.01), masks)
    weights = [[w.read() for w in Network.of(m).weights] for m in (plain, wrapped)]
    assert equal(*weights) and violations(wrapped) == []
    assert equal(plain(inputs), lth.unwrap(wrapped)(inputs))


def test_layers_frozen_inside_a_layer_stay_dense():
    inner = keras.Sequential(
        [layers.Dense(4, input_shape=(4,), trainable=False), layers.Dense(4)]
    )
    both = layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True))
    block = TransformerBlock(name="block")
    model = keras.Sequential(
        [layers.TimeDistributed(inner, input_shape=(3, 4)), both, block]
    )
    both.backward_layer.trainable = False
    block.attention.trainable = False
    wrapped = lth.wrap(model, 0.5)
    before = {w.path: w.read() for w in Network.of(wrapped).weights}
    lth.prune(wrapped)
    for weight in Network.of(wrapped).weights:
        zeros = np.count_nonzero(before[weight.path]) - np.count_nonzero(weight.read())
        assert bool(zeros) is (weight.mask is not None)
    pruned = [w for w in Network.of(wrapped).pruned]
    # A Dense, the kernels of the forward layer, and the block's own two.
    assert len(pruned) == 1 + 2 + 2


def test_a_block_that_is_excluded_stays_dense():
    late = LateBlock(input_shape=(4,), name="late")
    model = keras.Sequential([late, layers.Dense(3)])
    wrapped = lth.wrap(model, 0.5, exclude="late")
    assert [w.shape for w in Network.of(wrapped).pruned] == [(4, 3)]
    rows = [row for row in lth.coverage(wrapped, None) if row.layer == "late"]
    said = {row.reason for row in rows if row.weight == "kernel"}
    assert said == {
        "left out (not wrapped, excluded, or no rate)",
        "frozen (trainable=False)",
        "Keras layer class that is not pruned (SpectralNormalization)",
    }


def test_files_of_before_layers_inside_layers_were_pruned_have_no_masks_for_them():
    layer = layers.TimeDistributed(TransformerBlock())
    config = lth.PruneByLevel(layer, lth.IterativePruning(0.5)).get_config()
    assert config.pop("deep") is True
    with keras.utils.custom_object_scope({"TransformerBlock": TransformerBlock}):
        older = lth.PruneByLevel.from_config(config)
    older(tf.zeros((1, 2, 3, 4)))
    # Attention was a layer that was looked into, wherever it stood.
    assert older.pruning_vars == []
