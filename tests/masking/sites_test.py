"""Which weights count as prunable, for every kind of layer."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.masking import kinds
from lth_keras.masking import sites as prunable
from tests.support.own_blocks import (
    Gated,
    LateBlock,
    NamesOne,
    PlainCell,
    TransformerBlock,
)
from tests.support.own_layers import (
    Aliased,
    AlsoListed,
    Bilinear,
    Computed,
    Listed,
    MyDense,
)

layers = keras.layers

# Layer, shape of its input, attributes (of it or of layers inside) that are pruned.
KINDS = {
    "dense": (layers.Dense(2), (3, 4), ["kernel"]),
    "dense_subclass": (MyDense(2), (3, 4), ["kernel"]),
    "einsum": (
        layers.EinsumDense("ab,bc->ac", 2, bias_axes="c"),
        (3, 4),
        ["kernel"],
    ),
    "conv1d": (layers.Conv1D(2, 2), (1, 5, 3), ["kernel"]),
    "conv2d": (layers.Conv2D(2, 2), (1, 5, 5, 3), ["kernel"]),
    "conv3d": (layers.Conv3D(2, 2), (1, 3, 3, 3, 2), ["kernel"]),
    "conv1d_transpose": (layers.Conv1DTranspose(2, 2), (1, 5, 3), ["kernel"]),
    "conv2d_transpose": (layers.Conv2DTranspose(2, 2), (1, 5, 5, 3), ["kernel"]),
    "conv3d_transpose": (layers.Conv3DTranspose(2, 2), (1, 3, 3, 3, 2), ["kernel"]),
    "depthwise1d": (layers.DepthwiseConv1D(2), (1, 5, 3), ["depthwise_kernel"]),
    "depthwise2d": (layers.DepthwiseConv2D(2), (1, 5, 5, 3), ["depthwise_kernel"]),
    "separable1d": (
        layers.SeparableConv1D(2, 2),
        (1, 5, 3),
        ["depthwise_kernel", "pointwise_kernel"],
    ),
    "separable2d": (
        layers.SeparableConv2D(2, 2),
        (1, 5, 5, 3),
        ["depthwise_kernel", "pointwise_kernel"],
    ),
    "local1d": (layers.LocallyConnected1D(2, 2), (1, 5, 3), ["kernel"]),
    "local2d": (layers.LocallyConnected2D(2, 2), (1, 4, 4, 2), ["kernel"]),
    "local2d_sparse": (
        layers.LocallyConnected2D(2, 2, implementation=3),
        (1, 4, 4, 2),
        ["kernel"],
    ),
    "lstm": (layers.LSTM(2), (1, 3, 4), ["kernel", "recurrent_kernel"]),
    "gru": (layers.GRU(2), (1, 3, 4), ["kernel", "recurrent_kernel"]),
    "simple_rnn": (layers.SimpleRNN(2), (1, 3, 4), ["kernel", "recurrent_kernel"]),
    "rnn_of_a_cell": (
        layers.RNN(layers.GRUCell(2)),
        (1, 3, 4),
        ["kernel", "recurrent_kernel"],
    ),
    "rnn_of_cells": (
        layers.RNN([layers.LSTMCell(2), layers.SimpleRNNCell(3)]),
        (1, 3, 4),
        ["kernel", "recurrent_kernel"] * 2,
    ),
    "stacked_cells": (
        layers.RNN(layers.StackedRNNCells([layers.GRUCell(2), layers.GRUCell(2)])),
        (1, 3, 4),
        ["kernel", "recurrent_kernel"] * 2,
    ),
    "conv_lstm": (
        layers.ConvLSTM1D(2, 2),
        (1, 3, 4, 2),
        ["kernel", "recurrent_kernel"],
    ),
    "bidirectional": (
        layers.Bidirectional(layers.LSTM(2)),
        (1, 3, 4),
        ["kernel", "recurrent_kernel"] * 2,
    ),
    "time_distributed": (
        layers.TimeDistributed(layers.Conv2D(2, 2)),
        (1, 3, 4, 4, 2),
        ["kernel"],
    ),
    "time_distributed_model": (
        layers.TimeDistributed(
            keras.Sequential([layers.Dense(2, input_shape=(4,)), layers.Dense(2)])
        ),
        (1, 3, 4),
        ["kernel", "kernel"],
    ),
    "custom": (Bilinear(), (3, 4), ["left", "right"]),
    "layers_inside_layers": (TransformerBlock(), (1, 3, 4), ["kernel"] * 6),
    "layers_in_a_dict_made_late": (LateBlock(), (3, 4), ["kernel"] * 2),
    "layers_of_a_cell": (layers.RNN(PlainCell()), (1, 3, 4), ["kernel"] * 2),
    "dense_subclass_with_a_layer": (Gated(2), (3, 4), ["kernel"] * 2),
    "layers_of_which_it_names_one": (NamesOne(), (3, 4), ["kernel"]),
    "custom_in_time_distributed": (
        layers.TimeDistributed(Bilinear()),
        (1, 3, 4),
        ["left", "right"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_of_every_kind_are_found_and_biases_are_not(kind):
    original, shape, attributes = KINDS[kind]
    # Keras's TimeDistributed looks for the bare name of what it holds.
    named = {made.__name__: made for made in (Bilinear, PlainCell)}
    with keras.utils.custom_object_scope(named):
        layer = type(original).from_config(original.get_config())
    assert kinds.may_support(layer)
    layer(tf.zeros(shape))
    assert kinds.supports(layer)
    sites = prunable.sites(layer)
    assert [site.attribute for site in sites] == attributes
    own = {id(weight) for weight in layer.weights}
    assert {id(site.variable) for site in sites} <= own
    assert len({id(site.variable) for site in sites}) == len(sites)
    assert prunable.unreachable(layer) == []


def test_the_four_projections_of_attention_are_found():
    layer = layers.MultiHeadAttention(2, 3)
    assert kinds.supports(layer)
    assert prunable.sites(layer) == []  # they come with the first call
    layer(tf.zeros((1, 5, 4)), tf.zeros((1, 5, 4)))
    shapes = sorted(tuple(site.variable.shape) for site in prunable.sites(layer))
    assert shapes == [(2, 3, 4), (4, 2, 3), (4, 2, 3), (4, 2, 3)]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.BatchNormalization(), (3, 4)),
        (layers.LayerNormalization(), (3, 4)),
        (layers.GroupNormalization(2), (3, 4)),
        (layers.PReLU(), (3, 4)),
        (layers.ReLU(), (3, 4)),
        (layers.Normalization(), (3, 4)),
        (layers.TimeDistributed(layers.BatchNormalization()), (1, 3, 4)),
        (layers.SpectralNormalization(layers.Dense(2)), (3, 4)),
        (layers.Lambda(lambda t: t * 2), (3, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_layers_have_nothing_to_prune(layer, shape):
    assert not kinds.supports(layer, embeddings=True)
    layer(tf.zeros(shape))
    assert prunable.sites(layer, embeddings=True) == []


def test_embeddings_count_only_when_asked_for():
    layer = layers.Embedding(5, 3)
    inside = layers.TimeDistributed(layers.Embedding(5, 3))
    assert not kinds.supports(layer) and not kinds.supports(inside)
    assert kinds.supports(layer, True) and kinds.supports(inside, True)
    layer(tf.zeros((1, 2)))
    assert prunable.sites(layer) == []
    (site,) = prunable.sites(layer, embeddings=True)
    assert site.variable is layer.embeddings


def test_a_layer_used_twice_inside_another_is_found_once():
    cell = layers.GRUCell(3)
    layer = layers.RNN(layers.StackedRNNCells([cell, cell]))
    layer(tf.zeros((1, 2, 3)))
    assert len(prunable.sites(layer)) == 2


def test_a_weight_in_a_list_is_named_as_out_of_reach():
    layer = Listed()
    layer(tf.zeros((1, 3)))
    assert [site.attribute for site in prunable.sites(layer)] == ["single"]
    (left_out,) = prunable.unreachable(layer)
    assert left_out is layer.several[0]


def test_a_kernel_that_a_dict_holds_too_is_out_of_reach():
    layer = AlsoListed(2)
    layer(tf.zeros((1, 3)))
    assert prunable.sites(layer) == []
    assert [v is layer.kernel for v in prunable.unreachable(layer)] == [True]


def test_a_kernel_that_is_computed_is_no_place_for_a_mask():
    layer = Computed(2)
    layer(tf.zeros((1, 3)))
    assert prunable.sites(layer) == [] and prunable.unreachable(layer) == []


def test_every_attribute_that_holds_a_weight_is_a_place_of_it():
    layer = Aliased(2)
    layer(np.zeros((1, 3), "float32"))
    places = prunable.places(layer, layer.kernel)
    assert sorted(place.attribute for place in places) == ["kernel", "second_name"]
