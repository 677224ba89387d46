"""Packed SavedModels compute the same in every runtime, also in optimized graphs.

A session, as in TensorFlow Serving, and oneDNN rewrite what is constant: what a layer
computes must not depend on how its weights are stored.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from lth_keras.compat import keras
from lth_keras.export import fresh_process
from lth_keras.export.saved_model import export_saved_model
from tests.support import model_zoo
from tests.support.export_models import ticket

layers = keras.layers


def normalised(epsilon: float = 1e-6, **settings) -> keras.Model:
    inputs = keras.Input((12, 4), name="x")
    hidden = inputs
    for _ in range(2):
        inner = layers.LayerNormalization(epsilon=epsilon, **settings)(hidden)
        hidden = hidden + layers.Dense(4)(layers.Dense(8, "relu")(inner))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(inputs, layers.Dense(2, name="y")(pooled))


def attention() -> keras.Model:
    inputs = keras.Input((6, 8), name="x")
    inner = layers.LayerNormalization(epsilon=1e-6)(inputs)
    hidden = inputs + layers.MultiHeadAttention(2, 4)(inner, inner)
    inner = layers.LayerNormalization(epsilon=1e-6)(hidden)
    hidden = hidden + layers.Dense(8)(layers.Dense(16, "gelu")(inner))
    return keras.Model(inputs, layers.Dense(2, name="y")(layers.Flatten()(hidden)))


def convolved_in_time() -> keras.Model:
    inputs = keras.Input((3, 6, 6, 2), name="x")
    hidden = layers.ConvLSTM2D(3, 3, padding="same", recurrent_dropout=0.3)(inputs)
    return keras.Model(inputs, layers.Dense(2, name="y")(layers.Flatten()(hidden)))


def recurrent() -> keras.Model:
    inputs = keras.Input((5, 4), name="x")
    hidden = layers.LSTM(4, recurrent_dropout=0.2, return_sequences=True)(inputs)
    hidden = layers.GRU(4, recurrent_dropout=0.2)(hidden)
    return keras.Model(inputs, layers.Dense(2, name="y")(hidden))


def images() -> keras.Model:
    inputs = keras.Input((8, 8, 3), name="x")
    hidden = layers.Conv2D(4, 3, use_bias=False)(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    hidden = layers.SeparableConv2D(4, 3)(hidden)
    hidden = layers.UnitNormalization()(layers.PReLU()(hidden))
    hidden = layers.Conv2DTranspose(3, 3)(layers.GroupNormalization(2)(hidden))
    return keras.Model(inputs, layers.Dense(2, name="y")(layers.Flatten()(hidden)))


BUILDERS = {
    "layer_normalization": normalised,
    "of_small_epsilon": lambda: normalised(1e-12),
    "of_default_epsilon": lambda: normalised(1e-3),
    "without_scale": lambda: normalised(scale=False),
    "without_center": lambda: normalised(center=False),
    "over_two_axes": lambda: normalised(axis=[1, 2]),
    "over_time": lambda: normalised(axis=1),
    "attention": attention,
    "convolved_in_time": convolved_in_time,
    "recurrent": recurrent,
    "images": images,
}


def readers_of_constants(place: pathlib.Path) -> Iterator[str]:
    """What reads the float constants of a SavedModel that are no single number."""
    stored = saved_model_pb2.SavedModel()
    stored.ParseFromString((place / "saved_model.pb").read_bytes())
    for meta in stored.meta_graphs:
        functions = [function.node_def for function in meta.graph_def.library.function]
        for nodes in [meta.graph_def.node, *functions]:
            large = {node.name for node in nodes if is_large(node)}
            for node in nodes:
                if large & {name.partition(":")[0] for name in node.input}:
                    yield node.op


def is_large(node: Any) -> bool:
    if node.op != "Const" or not tf.as_dtype(node.attr["dtype"].type).is_floating:
        return False
    return tf.make_ndarray(node.attr["value"].tensor).size > 1


@pytest.mark.parametrize("build", [normalised, ticket])
def test_no_weight_is_a_constant_which_tensorflow_would_rewrite(
    tmp_path: pathlib.Path, build: Callable[[], keras.Model]
) -> None:
    place = tmp_path / "m"
    export_saved_model(build(), place, verify=False, verbose=False)
    # That may be fed, and so is nothing that an optimizer could compute with.
    assert set(readers_of_constants(place)) == {"PlaceholderWithDefault"}


def run_optimized() -> None:
    rng = np.random.default_rng(1)
    for name, build in BUILDERS.items():
        model = build()
        for kind in ("as built", "as trained"):
            place = f"{name} {kind}"
            export_saved_model(model, place, verify=False, verbose=False)
            x = model_zoo.floats(8, *model.input_shape[1:])
            # Operation by operation: nothing is rewritten.
            wanted = model(x).numpy()
            for load in fresh_process._LOADERS["saved_model"].values():
                (found,) = load(place, "serving_default")({"x": x}).values()
                limit = 2e-6 * np.abs(wanted).max()
                np.testing.assert_allclose(found, wanted, 1e-6, limit, err_msg=place)
            loaded = tf.saved_model.load(place)
            signature = loaded.signatures["serving_default"]
            (found,) = tf.function(signature, jit_compile=True)(x=x).values()
            np.testing.assert_allclose(found, wanted, 1e-5, 10 * limit, err_msg=place)
            for weight in model.weights:
                low = 0.5 if "variance" in weight.name else -0.5
                weight.assign(rng.uniform(low, 1.5, weight.shape))


@pytest.mark.slow
def test_every_runtime_computes_what_the_layers_do(
    in_own_process: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is on by itself on some processors only, and rewrites more.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    in_own_process(run_optimized)
