"""The models, searches and program flags whose files an older version has stored.

Both versions import this file: it uses public names alone, and what it says must stay
as it is, since a search goes on only with the settings that it was begun with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import lth_keras as lth

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
import tensorflow as tf  # noqa: E402  after the choice of Keras, as the next one
import tf_keras as keras  # noqa: E402

layers = keras.layers
CLASSES = 3

# What a killed search is killed by: its last act, and of which level.
Death = tuple[str, int]


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def labels(size: int, seed: int = 0) -> np.ndarray:
    """One of three classes for each example."""
    return np.random.default_rng([seed, 1]).integers(0, CLASSES, size)


def warmed_up() -> Any:
    """A rate that rises for 4 iterations and falls after 7.

    LinearWarmup has no public name; files of models know it by this registered one.
    """
    warmup = keras.utils.get_registered_object("lth_keras>LinearWarmup")
    schedules = keras.optimizers.schedules
    return warmup(schedules.PiecewiseConstantDecay([7], [0.02, 0.002]), 4)


def compiled(model: keras.Model, optimizer: Any) -> keras.Model:
    """The model, ready to train on `labels`."""
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# Models that were pruned, trained and saved whole.


def dense(rate: Any = 0.02) -> tuple[keras.Model, np.ndarray]:
    """Layers of three rates, and BatchNorm between them."""
    model = keras.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(6,), name="first"),
            layers.BatchNormalization(),
            layers.Dense(5, "tanh", name="second"),
            layers.Dense(CLASSES, name="head"),
        ]
    )
    wrapped = lth.wrap(model, {"first": 0.4, "second": 0.3, "head": 0.2})
    return compiled(wrapped, keras.optimizers.Adam(rate)), floats(12, 6)


def warmed() -> tuple[keras.Model, np.ndarray]:
    """The same at a rate of ours, which Keras finds in .keras files alone."""
    return dense(warmed_up())


def convolutions() -> tuple[keras.Model, np.ndarray]:
    """Convolutions with BatchNorm, pruned together by a criterion of its own."""
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, input_shape=(6, 6, 2), use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SeparableConv2D(3, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(CLASSES),
        ]
    )
    wrapped = lth.wrap(model, 0.3, scope="global", criterion="random")
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    return compiled(wrapped, optimizer), floats(12, 6, 6, 2)


def tokens() -> tuple[keras.Model, np.ndarray]:
    """An embedding that is pruned too, attention, and a recurrent layer."""
    ids = keras.Input((5,), dtype="int32", name="ids")
    hidden = layers.Embedding(9, 4, mask_zero=True, name="table")(ids)
    hidden = layers.MultiHeadAttention(2, 3, name="attention")(hidden, hidden)
    hidden = layers.LayerNormalization()(hidden)
    hidden = layers.GRU(4, name="gru")(hidden)
    model = keras.Model(ids, layers.Dense(CLASSES, name="head")(hidden))
    wrapped = lth.wrap(model, 0.3, embeddings=True, output_rate=0.15)
    x = np.random.default_rng(0).integers(0, 9, (12, 5)).astype("int32")
    return compiled(wrapped, keras.optimizers.Adam(0.01)), x


MODELS: dict[str, Callable[[], tuple[keras.Model, np.ndarray]]] = {
    "dense": dense,
    "warmed": warmed,
    "convolutions": convolutions,
    "tokens": tokens,
}
MODEL_FILES = (
    "dense.keras",
    "dense.h5",
    "dense",
    "warmed.keras",
    "convolutions.keras",
    "convolutions.h5",
    "convolutions",
    "tokens.keras",
    "tokens.h5",
    "tokens",
)


def served() -> tuple[keras.Model, np.ndarray]:
    """A model that is exported: packing makes its first layer smaller."""
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [layers.Dense(64, "relu", input_shape=(64,)), layers.Dense(CLASSES)]
    )
    wrapped = lth.wrap(model, 0.8, output_rate=0.3)
    lth.prune(wrapped)
    return wrapped, floats(5, 64)


def train(model: keras.Model, x: np.ndarray) -> None:
    """Two epochs of three batches, in the order of the data."""
    model.fit(x, labels(len(x)), batch_size=4, epochs=2, shuffle=False, verbose=0)


def pruned_and_trained(name: str) -> tuple[keras.Model, np.ndarray]:
    """A model of `MODELS` after two rounds, in the middle of its training."""
    keras.utils.set_random_seed(5)
    model, x = MODELS[name]()
    for _ in range(2):
        train(model, x)
        lth.prune(model)
    train(model, x)
    return model, x


# Searches.


def layered(directory: str, **others: Any) -> tuple[lth.LotterySearch, dict[str, Any]]:
    """In layer scope by magnitude, rewound to step 2, with dropout and BatchNorm."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Dense(
                8,
                "relu",
                input_shape=(6,),
                bias_initializer="random_normal",
                name="hidden",
            ),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, name="head"),
        ]
    )
    wrapped = lth.wrap(model, 0.3, output_rate=0.15)
    compiled(wrapped, keras.optimizers.Adam(warmed_up()))
    search = lth.LotterySearch(wrapped, 2, directory, rewind_to="2it", seed=3, **others)
    return search, {
        "x": floats(45, 6),
        "y": labels(45),
        "batch_size": 10,
        "epochs": 2,
        "validation_data": (floats(30, 6, seed=1), labels(30, 1)),
        "test_data": (floats(30, 6, seed=2), labels(30, 2)),
        "evaluate_every": 3,
        "verbose": 0,
    }


def stream(level: int, seed: int) -> tf.data.Dataset:
    """The batches of a level, in an order of its own."""
    data = tf.data.Dataset.from_tensor_slices((floats(24, 6, 6, 1), labels(24)))
    return data.shuffle(24, seed + level).batch(6)


def together(directory: str, **others: Any) -> tuple[lth.LotterySearch, dict[str, Any]]:
    """In global scope by movement, data from a function, a fresh optimizer."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(6, 6, 1), name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.DepthwiseConv2D(2, name="depthwise"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(CLASSES, name="head"),
        ]
    )
    wrapped = lth.wrap(model, 0.25, scope="global", criterion="movement")
    compiled(wrapped, keras.optimizers.SGD(0.1, momentum=0.9))
    search = lth.LotterySearch(
        wrapped, 2, directory, optimizer_state="fresh", seed=4, **others
    )
    return search, {
        "x": stream,
        "epochs": 2,
        "validation_data": (floats(18, 6, 6, 1, seed=1), labels(18, 1)),
        "verbose": 0,
    }


def frozen(directory: str, **others: Any) -> tuple[lth.LotterySearch, dict[str, Any]]:
    """A part that does not train, whose weights the older version listed otherwise.

    Keras lists moving means after what trains, and between it where nothing does.
    """
    keras.utils.set_random_seed(8)
    trunk = keras.Sequential(
        [
            layers.Dense(4, "relu", input_shape=(5,), name="one"),
            layers.BatchNormalization(name="norm_one"),
            layers.Dense(4, name="two", bias_initializer="random_normal"),
            layers.BatchNormalization(name="norm_two"),
        ]
    )
    model = keras.Sequential(
        [
            layers.TimeDistributed(trunk, input_shape=(2, 5), name="trunk"),
            layers.Flatten(),
            layers.Dense(6, "relu", name="hidden"),
            layers.Dense(CLASSES, name="head"),
        ]
    )
    for variable in trunk.variables:  # No two of one shape have the same values.
        variable.assign_add(tf.random.uniform(variable.shape, 0.1, 0.9, seed=1))
    model.get_layer("trunk").trainable = False
    wrapped = compiled(lth.wrap(model, 0.3), keras.optimizers.Adam(0.02))
    search = lth.LotterySearch(wrapped, 2, directory, rewind_to="2it", seed=5, **others)
    return search, {
        "x": floats(24, 2, 5),
        "y": labels(24),
        "batch_size": 6,
        "epochs": 2,
        "validation_data": (floats(18, 2, 5, seed=1), labels(18, 1)),
        "verbose": 0,
    }


def directions() -> keras.Model:
    """Two layers of the same names and shapes, of which the first does not train."""
    keras.utils.set_random_seed(9)
    rnn = layers.SimpleRNN(3, bias_initializer="random_normal", name="rnn")
    both = layers.Bidirectional(rnn, input_shape=(4, 2), name="both")
    model = keras.Sequential([both, layers.Dense(CLASSES, name="head")])
    wrapped = lth.wrap(model, 0.3)
    # Not before: the older version had masks for what was frozen then, too.
    wrapped.get_layer("both").layer.forward_layer.trainable = False
    return compiled(wrapped, keras.optimizers.Adam(0.02))


def ticket_model(name: str, directory: str) -> keras.Model:
    """A new model for one of the stored tickets."""
    if name == "directions":
        return directions()
    search = {
        "frozen": frozen,
        "global_movement": together,
        "layer_magnitude": layered,
    }
    return search[name](directory)[0].model


SEARCHES: dict[str, Callable[..., tuple[lth.LotterySearch, dict[str, Any]]]] = {
    "layered": layered,
    "together": together,
    "frozen": frozen,
}
# Directory: its search, and the level and moment at which it was killed.
KILLED: Mapping[str, tuple[str, Death]] = {
    "layered_between": ("layered", ("stored", 1)),
    "layered_inside": ("layered", ("training", 1)),
    "layered_first": ("layered", ("training", 0)),
    "together_between": ("together", ("stored", 1)),
    "together_inside": ("together", ("training", 2)),
    "frozen_between": ("frozen", ("stored", 1)),
    "frozen_inside": ("frozen", ("training", 1)),
}
# Controls of the finished search, and one that is added to it later.
CONTROLS = (
    "random_reinit",
    "random_mask",
    "one_shot",
    "fine_tune",
    "weight_rewind:step=3it",
    "continued",
)
ADDED = "one_shot+noise:sigma=0.5"

# The example program: --output_dir comes last.
FLAGS = (
    "--iterations=40",
    "--levels=2",
    "--hidden=6,5",
    "--batch_size=20",
    "--evaluate_every=10",
    "--learning_rate=0.01",
    "--rewind_to=5it",
    "--trials=2",
    "--controls=random_reinit,one_shot",
    "--jit=off",
)
# It was killed when this many of its 14 runs were stored.
STORED_RUNS = 9
