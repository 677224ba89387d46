"""Models as users write them, which no copy could be made of; each for `lth.hold`.

Each builder makes a compiled model with its weights, and the arguments of its `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from tests.support.model_zoo import floats, tokens
from tests.support.own_blocks import TransformerBlock

layers = keras.layers
Case = tuple[keras.Model, dict[str, Any]]


class VAE(keras.Model):
    """A decoder in a dict, a loss in `train_step`, metrics and noise of its own."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([layers.Dense(6, "relu"), layers.Dense(4)])
        self.decoder = {"hidden": layers.Dense(6, "relu"), "out": [layers.Dense(5)]}
        self.noise = layers.GaussianNoise(0.1)
        self.draws = tf.random.Generator.from_seed(5)
        self.tracked = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracked]

    def call(self, inputs, training=None):
        mean, spread = tf.split(self.encoder(inputs), 2, axis=-1)
        hidden = self.noise(mean + 0.1 * tf.exp(spread), training=training)
        if training:
            hidden += 0.1 * self.draws.normal(tf.shape(hidden))
        return self.decoder["out"][0](self.decoder["hidden"](hidden))

    def loss_of(self, inputs, training):
        found = self(inputs, training=training)
        return tf.reduce_mean((found - inputs) ** 2)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.loss_of(data, training=True)
        variables = self.trainable_variables
        found = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(found, variables, strict=True))
        self.tracked.update_state(loss)
        return {"loss": self.tracked.result()}

    def test_step(self, data):
        self.tracked.update_state(self.loss_of(data, training=False))
        return {"loss": self.tracked.result()}


class GAN(keras.Model):
    """Two networks and two optimizers; no `call`, and a loss for each."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential(
            [layers.Dense(6, "relu", input_shape=(3,)), layers.Dense(5)]
        )
        self.critic = keras.Sequential(
            [layers.Dense(6, "relu", input_shape=(5,)), layers.Dense(1)]
        )

    def compile(self, generator_optimizer, critic_optimizer):
        super().compile()
        self.of_generator = generator_optimizer
        self.of_critic = critic_optimizer

    def train_step(self, real):
        noise = real[:, :3] * 0.5
        with tf.GradientTape(persistent=True) as tape:
            made = self.critic(self.generator(noise, training=True), training=True)
            loss = tf.reduce_mean(made) - tf.reduce_mean(self.critic(real))
            fooled = -tf.reduce_mean(tf.math.log_sigmoid(made))
        for network, optimizer, value in (
            (self.critic, self.of_critic, loss),
            (self.generator, self.of_generator, fooled),
        ):
            variables = network.trainable_variables
            found = tape.gradient(value, variables)
            optimizer.apply_gradients(zip(found, variables, strict=True))
        return {"critic": loss, "generator": fooled}


class Residual(keras.Model):
    """Convolutions with batch normalisation in a list, in a compiled `call`."""

    def __init__(self):
        super().__init__()
        self.stem = layers.Conv2D(4, 3, padding="same", use_bias=False)
        self.steps = [
            [layers.BatchNormalization(), layers.Conv2D(4, 3, padding="same")]
            for _ in range(2)
        ]
        self.pool, self.head = layers.GlobalAveragePooling2D(), layers.Dense(3)

    @tf.function
    def call(self, inputs, training=False):
        hidden = self.stem(inputs)
        for norm, conv in self.steps:
            hidden += conv(tf.nn.relu(norm(hidden, training=training)))
        return self.head(self.pool(hidden))


class Tied(keras.Model):
    """One kernel in two layers, and an embedding that gives the outputs too."""

    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(9, 4)
        self.first, self.second = layers.Dense(4), layers.Dense(4, use_bias=False)

    def build(self, shape):
        self.table.build(shape)
        for layer in (self.first, self.second):
            layer.build((None, 4))
        self.second.kernel = self.first.kernel
        self.second._trainable_weights.clear()
        super().build(shape)

    def call(self, inputs):
        hidden = self.second(tf.nn.relu(self.first(self.table(inputs))))
        return tf.matmul(hidden[:, 0], self.table.embeddings, transpose_b=True)


class Writer(keras.Model):
    """A text model of blocks, with a mask and dropout."""

    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(9, 4)
        self.blocks = [TransformerBlock(), TransformerBlock()]
        self.memory = layers.GRU(3)
        self.head = layers.Dense(3)

    def call(self, inputs, training=None):
        hidden = self.table(inputs)
        for block in self.blocks:
            hidden = block(hidden, training=training)
        return self.head(self.memory(hidden))


class Accumulating(keras.Model):
    """Adds up gradients in variables of its own, and steps every second batch."""

    def __init__(self):
        super().__init__()
        self.one, self.other = layers.Dense(6, "relu"), layers.Dense(3)

    def build(self, shape):
        super().build(shape)
        self.one.build(shape)
        self.other.build((None, 6))
        self.count = tf.Variable(0, trainable=False)
        self.taken = self.trainable_variables
        self.sums = [tf.Variable(tf.zeros_like(v), False) for v in self.taken]

    def call(self, inputs):
        return self.other(self.one(inputs))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            found = self(x, training=True)
            loss = self.compiled_loss(y, found)
        self.count.assign_add(1)
        gradients = tape.gradient(loss, self.taken)
        for held, gradient in zip(self.sums, gradients, strict=True):
            held.assign_add(gradient)
        tf.cond(self.count % 2 == 0, self.step, lambda: None)
        self.compiled_metrics.update_state(y, found)
        return {m.name: m.result() for m in self.metrics}

    def step(self):
        self.optimizer.apply_gradients(zip(self.sums, self.taken, strict=True))
        for held in self.sums:
            held.assign(tf.zeros_like(held))


class _SelfAttention(layers.Layer):
    """As the TensorFlow classes of a well-known library write it."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.width = config["heads"], config["width"]
        for name in ("query", "key", "value"):
            setattr(self, name, layers.Dense(self.width, name=name))
        self.dropout = layers.Dropout(0.1)

    def call(self, hidden_states, attention_mask, training=False):
        def heads(tensor):
            shape = tf.shape(tensor)
            parts = (shape[0], shape[1], self.heads, self.width // self.heads)
            return tf.transpose(tf.reshape(tensor, parts), (0, 2, 1, 3))

        query, key = heads(self.query(hidden_states)), heads(self.key(hidden_states))
        scores = tf.matmul(query, key, transpose_b=True)
        scores += (1.0 - attention_mask[:, None, None, :]) * -1e4
        shares = self.dropout(tf.nn.softmax(scores), training=training)
        found = tf.transpose(shares @ heads(self.value(hidden_states)), (0, 2, 1, 3))
        return (tf.reshape(found, tf.shape(hidden_states)),)


class _MainLayer(layers.Layer):
    """Made of a configuration that Keras cannot read."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.layer = [
            _SelfAttention(config, name=f"layer_._{index}") for index in range(2)
        ]

    def build(self, shape=None):
        width = self.config["width"]
        self.word_embeddings = self.add_weight("weight", (9, width))
        self.pooler = layers.Dense(width, activation="tanh", name="pooler")
        super().build(shape)

    def call(self, input_ids, attention_mask=None, training=False):
        states = tf.gather(self.word_embeddings, input_ids)
        mask = tf.cast(attention_mask, states.dtype)
        for layer in self.layer:
            states = layer(states, mask, training=training)[0]
        return {"last_hidden_state": states, "pooler_output": self.pooler(states[:, 0])}


class PreTrained(keras.Model):
    """A classifier of a dict of inputs, which computes its loss by itself."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.bert = _MainLayer(config, name="bert")
        self.classifier = layers.Dense(config["labels"], name="classifier")

    def call(self, inputs, training=False):
        found = self.bert(
            inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            training=training,
        )
        return {"logits": self.classifier(found["pooler_output"])}

    def loss_of(self, labels, logits):
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.loss_of(y, self(x, training=True)["logits"])
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        return {"loss": loss}

    def test_step(self, data):
        x, y = data
        return {"loss": self.loss_of(y, self(x, training=False)["logits"])}


def _labels(size: int) -> Any:
    return tokens(size) % 3


def _classifying(model: keras.Model, x: Any) -> Case:
    model(tf.nest.map_structure(lambda each: each[:2], x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model, {"x": x, "y": _labels(len(tf.nest.flatten(x)[0]))}


def vae() -> Case:
    model, x = VAE(), floats(24, 5)
    model(x[:2])
    model.compile(keras.optimizers.Adam(0.01, clipnorm=0.1))
    return model, {"x": x}


def gan() -> Case:
    model = GAN()
    model.compile(
        keras.optimizers.Adam(0.01, beta_1=0.5),
        keras.optimizers.RMSprop(0.01, momentum=0.5),
    )
    return model, {"x": floats(24, 5)}


def residual() -> Case:
    return _classifying(Residual(), floats(24, 6, 6, 2))


def tied() -> Case:
    return _classifying(Tied(), tokens(24, 5))


def writer() -> Case:
    return _classifying(Writer(), tokens(24, 5))


def accumulating() -> Case:
    return _classifying(Accumulating(), floats(24, 5))


def pretrained() -> Case:
    model = PreTrained({"heads": 2, "width": 4, "labels": 3})
    x = {"input_ids": tokens(24, 5), "attention_mask": tokens(24, 5) > 1}
    model({name: value[:2] for name, value in x.items()})
    model.compile(keras.optimizers.Adam(0.01))
    return model, {"x": x, "y": _labels(24)}


# Builder, and how many weights hold puts on masks.
CLASSES: dict[Callable[[], Case], int] = {
    vae: 4,
    gan: 4,
    residual: 4,
    tied: 1,
    writer: 2 * 6 + 2 + 1,
    accumulating: 2,
    pretrained: 2 * 3 + 1 + 1,
}


def made(builder: Callable[[], Case], seed: int = 0) -> Case:
    """The model with the weights of a seed, and generators that can be reset."""
    with compat.seeded(seed), compat.resettable_generators():
        return builder()
