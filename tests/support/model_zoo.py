"""Small models of every family that wrapping promises to leave as they are.

Each builder returns a model and an input for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras
from tests.support.own_blocks import (
    Compiled,
    LateBlock,
    PlainCell,
    TransformerBlock,
)
from tests.support.own_layers import Bilinear, MyDense, Scale

layers = keras.layers

Built = tuple[keras.Model, Any]


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def tokens(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 9, shape)


def dense() -> Built:
    model = keras.Sequential(
        [
            layers.Dense(5, activation="relu", input_shape=(4,)),
            layers.Dropout(0.5),
            layers.Dense(3, name="head"),
        ]
    )
    return model, floats(4, 4)


def called_sequential() -> Built:
    model = keras.Sequential([layers.Dense(5), layers.Dense(3)])
    model(floats(4, 4))
    return model, floats(4, 4)


def of_built_layers() -> Built:
    other = keras.Sequential([layers.Dense(5, input_shape=(4,)), layers.Dense(3)])
    model = keras.Sequential([layers.Rescaling(2.0), *other.layers])
    model.build((None, 4))
    return model, floats(4, 4)


def convolutions() -> Built:
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, input_shape=(8, 8, 3), use_bias=False),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.SeparableConv2D(5, 2),
            layers.Conv2DTranspose(3, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    return model, floats(2, 8, 8, 3)


def regularised() -> Built:
    model = keras.Sequential(
        [
            layers.Dense(
                4,
                kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1),
                activity_regularizer="l2",
                input_shape=(4,),
            ),
            layers.Dense(3, kernel_regularizer="l1", bias_regularizer="l2"),
        ]
    )
    return model, floats(4, 4)


def recurrent() -> Built:
    model = keras.Sequential(
        [
            layers.Embedding(9, 4, mask_zero=True, input_length=5),
            layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(4)),
            layers.SimpleRNN(2),
        ]
    )
    return model, tokens(3, 5)


def cells() -> Built:
    model = keras.Sequential(
        [
            layers.Masking(input_shape=(4, 3)),
            layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True),
            layers.RNN(layers.SimpleRNNCell(2)),
        ]
    )
    inputs = floats(3, 4, 3)
    inputs[0, 2:] = 0
    return model, inputs


def given_state() -> Built:
    sequence, state = keras.Input((4, 3)), keras.Input((2,))
    hidden = layers.LSTM(2)(sequence, initial_state=[state, state])
    model = keras.Model([sequence, state], layers.Dense(3)(hidden))
    return model, [floats(2, 4, 3), floats(2, 2)]


def attention() -> Built:
    ids = keras.Input((5,), dtype="int32")
    hidden = layers.Embedding(9, 4, mask_zero=True)(ids)
    hidden = layers.MultiHeadAttention(2, 3, name="attention")(hidden, hidden)
    hidden = layers.LayerNormalization()(hidden + 1.0)
    hidden = tf.nn.relu(hidden)[:, 0]
    return keras.Model(ids, layers.Dense(3)(hidden)), tokens(3, 5)


def named_outputs() -> Built:
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(5, name="shared")
    hidden = layers.Concatenate()([shared(a), layers.Dense(3)(b)])
    trunk = keras.Sequential(
        [layers.Dense(4, input_shape=(8,)), layers.Dropout(0.5)], name="trunk"
    )
    y = layers.Dense(1, name="y")(trunk(hidden))
    z = layers.Dense(2, name="z")(hidden)
    model = keras.Model({"a": a, "b": b}, {"y": y, "z": z})
    return model, {"a": floats(4, 3), "b": floats(4, 4)}


def shared_across_models() -> Built:
    common = layers.Dense(4, name="common")
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, layers.Dense(4)(common(inner_input)), name="in")
    outer_input = keras.Input((4,))
    hidden = inner(inner(outer_input)) + common(outer_input)
    return keras.Model(outer_input, layers.Dense(2)(hidden)), floats(3, 4)


def einsum() -> Built:
    inputs = keras.Input((5, 4))
    hidden = layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(inputs)
    hidden = layers.LocallyConnected1D(3, 2)(hidden)
    hidden = layers.Conv1DTranspose(3, 2)(hidden)
    return keras.Model(inputs, hidden), floats(2, 5, 4)


def custom_layers() -> Built:
    model = keras.Sequential(
        [
            MyDense(4, input_shape=(4,)),
            Scale(),
            layers.PReLU(),
            layers.GroupNormalization(2),
            Bilinear(),
        ]
    )
    return model, floats(4, 4)


def masked_custom_layer() -> Built:
    model = keras.Sequential(
        [
            layers.Embedding(9, 4, mask_zero=True, input_length=5),
            Bilinear(),
            layers.EinsumDense("abc,cd->abd", (None, 2)),
        ]
    )
    return model, tokens(3, 5)


def adapted() -> Built:
    normalise = layers.Normalization()
    model = keras.Sequential([keras.Input((4,)), normalise, layers.Dense(3)])
    normalise.adapt(floats(20, 4) * 3 + 1)
    return model, floats(4, 4)


def text() -> Built:
    vectorise = layers.TextVectorization(output_mode="tf_idf")
    vectorise.adapt(["a b c", "a b", "c d d"])
    model = keras.Sequential(
        [keras.Input((), dtype=tf.string), vectorise, layers.Dense(3)]
    )
    return model, tf.constant(["a d d", "c z"])


def half_precision() -> Built:
    keras.mixed_precision.set_global_policy("mixed_float16")
    inputs = keras.Input((4,))
    hidden = layers.Dense(5)(inputs)
    hidden = layers.Dense(5, kernel_regularizer="l2")(hidden)
    float_head = layers.Dense(3, dtype="float32", name="float_head")(hidden)
    cast_head = layers.Activation("tanh", dtype="float32", name="cast")(hidden)
    model = keras.Model(inputs, [float_head, cast_head, layers.Dense(2)(hidden)])
    return model, floats(4, 4)


def partly_frozen() -> Built:
    trunk = keras.Sequential(
        [layers.Dense(4, input_shape=(4,)), layers.BatchNormalization()], name="trunk"
    )
    trunk.trainable = False
    # The trunk stays frozen, whatever its layers say.
    trunk.layers[0].trainable = True
    inputs = keras.Input((4,))
    hidden = layers.Dense(4, trainable=False)(trunk(inputs))
    return keras.Model(inputs, layers.Dense(3)(hidden)), floats(4, 4)


def frozen_half() -> Built:
    both = layers.Bidirectional(layers.SimpleRNN(2), input_shape=(3, 4))
    model = keras.Sequential([both, layers.Dense(3)])
    both.forward_layer.trainable = False
    return model, floats(2, 3, 4)


def added_loss() -> Built:
    inputs = keras.Input((4,))
    hidden = layers.Dense(3)(inputs)
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    model.add_loss(tf.reduce_mean(hidden**2))
    return model, floats(4, 4)


def blocks() -> Built:
    ids = keras.Input((5,), dtype="int32")
    hidden = TransformerBlock(name="block")(layers.Embedding(9, 4)(ids))
    hidden = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(ids, layers.Dense(3)(hidden)), tokens(3, 5)


def late_block() -> Built:
    model = keras.Sequential([LateBlock(input_shape=(4,)), layers.Dense(3)])
    return model, floats(4, 4)


def compiled_block() -> Built:
    model = keras.Sequential([Compiled(input_shape=(4,)), layers.Dense(3)])
    model(floats(4, 4))
    return model, floats(4, 4)


def cell_of_layers() -> Built:
    model = keras.Sequential([layers.RNN(PlainCell(), input_shape=(4, 3))])
    return model, floats(3, 4, 3)


def time_distributed_model() -> Built:
    inner = keras.Sequential([layers.Dense(3, input_shape=(4,)), layers.ReLU()])
    model = keras.Sequential(
        [layers.TimeDistributed(inner, input_shape=(2, 4)), layers.Dense(2)]
    )
    return model, floats(3, 2, 4)


# Builder, and how many weights wrap holds on masks.
FAMILIES: dict[Callable[[], Built], int] = {
    dense: 2,
    called_sequential: 2,
    of_built_layers: 2,
    convolutions: 6,
    regularised: 2,
    recurrent: 4 + 1 + 2,
    cells: 4 + 2,
    given_state: 3,
    attention: 5,
    named_outputs: 5,
    shared_across_models: 3,
    einsum: 3,
    custom_layers: 3,
    masked_custom_layer: 3,
    adapted: 1,
    text: 1,
    half_precision: 4,
    partly_frozen: 1,
    frozen_half: 3,
    added_loss: 2,
    time_distributed_model: 2,
    blocks: 4 + 2 + 1,
    late_block: 1 + 1,
    compiled_block: 2 + 1,
    cell_of_layers: 2,
}


def names(builders: dict[Callable[[], Built], int]) -> list[str]:
    return [builder.__name__ for builder in builders]
