"""Layers of layers as users write them: blocks, cells, parts made late."""

from __future__ import annotations

import tensorflow as tf

from lth_keras.compat import keras

layers = keras.layers


@keras.utils.register_keras_serializable("model_zoo")
class TransformerBlock(layers.Layer):
    """Attention and a network of two layers: the block of Keras's own examples."""

    def __init__(self, width: int = 4, heads: int = 2, hidden: int = 6, **kwargs):
        super().__init__(**kwargs)
        self.width, self.heads, self.hidden = width, heads, hidden
        self.attention = layers.MultiHeadAttention(heads, width, name="attention")
        self.dense = keras.Sequential(
            [
                layers.Dense(hidden, activation="relu", name="wide"),
                layers.Dense(width, name="narrow"),
            ],
            name="dense",
        )
        # As a block's own layers are named where its weights shall be.
        self.norms = [layers.LayerNormalization(name=n) for n in ("before", "after")]
        self.dropout = layers.Dropout(0.1)

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "heads": self.heads,
            "hidden": self.hidden,
        }

    def call(self, inputs, training=None):
        found = self.dropout(self.attention(inputs, inputs), training=training)
        inputs = self.norms[0](inputs + found)
        return self.norms[1](inputs + self.dense(inputs))


@keras.utils.register_keras_serializable("model_zoo")
class LateBlock(layers.Layer):
    """Makes its layers in `build`, one of them frozen and one normalised by its norm.

    It takes no `training`, and its dropout must find out all the same.
    """

    def build(self, shape):
        self.parts = {
            "free": layers.Dense(shape[-1], activation="tanh", name="free"),
            "frozen": layers.Dense(shape[-1], trainable=False, name="frozen"),
        }
        self.normed = layers.SpectralNormalization(
            layers.Dense(shape[-1], name="normed"), name="norm"
        )
        self.dropout = layers.Dropout(0.5)
        super().build(shape)

    def call(self, inputs):
        inputs = self.parts["frozen"](self.parts["free"](inputs))
        return self.dropout(self.normed(inputs))


@keras.utils.register_keras_serializable("model_zoo")
class Compiled(layers.Layer):
    """Calls its parts in a `tf.function` of its own."""

    def __init__(self, units: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units, name="first")
        self.second = layers.Dense(units, name="second")

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    @tf.function
    def call(self, inputs):
        return self.second(tf.nn.relu(self.first(inputs)))


@keras.utils.register_keras_serializable("model_zoo")
class PlainCell(layers.Layer):
    """A recurrent cell made of layers."""

    def __init__(self, units: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = self.output_size = units
        self.step = layers.Dense(units, name="step")
        self.again = layers.Dense(units, name="again")

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def call(self, inputs, states):
        state = tf.tanh(self.step(inputs) + self.again(states[0]))
        return state, [state]


@keras.utils.register_keras_serializable("model_zoo")
class Gated(layers.Dense):
    """A Dense with another layer inside."""

    def build(self, shape):
        self.gate = layers.Dense(self.units, activation="sigmoid", name="gate")
        super().build(shape)

    def call(self, inputs):
        return super().call(inputs) * self.gate(inputs)


@keras.utils.register_keras_serializable("model_zoo")
class NamesOne(layers.Layer):
    """Has two layers, and says that one of them is to be pruned."""

    def build(self, shape):
        self.one, self.other = layers.Dense(shape[-1]), layers.Dense(shape[-1])
        super().build(shape)

    def call(self, inputs):
        return self.other(self.one(inputs))

    def get_prunable_weights(self):
        return [self.one.kernel]


class Unconfigured(layers.Layer):
    """Its configuration lacks what its constructor needs."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(units)

    def get_config(self):
        return super().get_config()

    def call(self, inputs):
        return self.inner(inputs)
