"""What from_keras3 refuses, in one line that names it and the way out."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras, keras3
from lth_keras.errors import LotteryError
from tests.support.keras3_models import array, chain


def refusal(model: Any, **more: Any) -> str:
    with pytest.raises(lth.LotteryError) as caught:
        lth.from_keras3(model, **more)
    message = str(caught.value)
    assert "\n" not in message
    return message


def own_layer() -> Any:
    class Scaled(keras3().layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x: Any) -> Any:
            return x * self.scale

    return Scaled(name="mine")


class ScaledToo(keras.layers.Layer):
    """The same with tf_keras."""

    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


def test_a_layer_class_of_the_users_needs_its_tf_keras_version() -> None:
    source = chain((4,), own_layer(), keras3().layers.Dense(2))
    message = refusal(source)
    assert "layer 'mine' is of the class Scaled" in message
    assert "give lth.from_keras3 custom_objects={'Scaled': " in message
    source.layers[0].scale.assign([1.0, 2.0, 3.0, 4.0])
    made = lth.from_keras3(source, custom_objects={"Scaled": ScaledToo})
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(made(x), array(source(x)), atol=1e-6)
    assert made.get_layer("mine").factor.numpy().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_version_that_computes_something_else_is_found_out() -> None:
    class Wrong(ScaledToo):
        def call(self, x):
            return x + self.factor

    source = chain((4,), own_layer(), keras3().layers.Dense(2, "softmax"))
    before = source.get_weights()
    message = refusal(source, custom_objects={"Scaled": Wrong})
    assert "differs in tf_keras by" in message
    for old, new in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_words_reach_a_table_inside_a_layer_of_the_users() -> None:
    def table(kit: Any) -> Any:
        class Table(kit.layers.Layer):
            def __init__(self, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.inner = kit.layers.Embedding(5, 3)

            def call(self, x: Any) -> Any:
                return self.inner(x)

        return Table

    # An input of floats, as many texts have; tf_keras's table takes 0 to 4 alone.
    source = chain((4,), table(keras3())())
    made = lth.from_keras3(source, custom_objects={"Table": table(keras)})
    x = np.array([[0.0, 1.0, 4.0, 2.0]], "float32")
    np.testing.assert_allclose(made(x), array(source(x)), atol=1e-6)


def test_what_a_version_raises_is_told_in_one_line() -> None:
    class Raising(ScaledToo):
        def call(self, x):
            return tf.ensure_shape(x * self.factor, (7, None, 4))

    source = chain((None, 4), own_layer())
    message = refusal(source, custom_objects={"Scaled": Raising})
    assert "cannot be called in tf_keras" in message and "[7,?,4]" in message


def test_a_version_of_other_weights_is_found_out() -> None:
    class Fewer(keras.layers.Layer):
        def call(self, x):
            return x

    source = chain((4,), own_layer())
    message = refusal(source, custom_objects={"Scaled": Fewer})
    assert "layer 'mine' (Scaled): its weight 0 is" in message
    assert "missing in tf_keras" in message


def test_a_subclassed_model_is_refused() -> None:
    class Own(keras3().Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras3().layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model(np.ones((2, 3)))
    assert "is of the class Own" in refusal(model)


def test_a_functional_model_of_an_own_class_is_refused() -> None:
    class WithStep(keras3().Model):
        def train_step(self, *data: Any) -> Any:
            return super().train_step(*data)

    x = keras3().Input((3,))
    assert "is of the class WithStep" in refusal(WithStep(x, x * 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda kl: kl.GroupQueryAttention(4, 4, 2), "use MultiHeadAttention"),
        (
            lambda kl: kl.MultiHeadAttention(2, 2, use_gate=True),
            "MultiHeadAttention(use_gate=True) is not in tf_keras",
        ),
    ],
)
def test_an_attention_of_keras_3_alone_is_refused(make: Any, words: str) -> None:
    x = keras3().Input((4, 8))
    layer = make(keras3().layers)
    message = refusal(keras3().Model(x, layer(x, x)))
    assert message.startswith(f"layer {layer.name!r}: ") and words in message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda kl: kl.AdaptiveAveragePooling2D(2), "is not in tf_keras"),
        (
            lambda kl: kl.Resizing(6, 5, pad_to_aspect_ratio=True),
            "Resizing(pad_to_aspect_ratio=True) is not in tf_keras",
        ),
        (lambda kl: kl.RandomCrop(3, 3), "use CenterCrop"),
        (lambda kl: kl.Dense(2, activation=lambda x: x), "is a lambda"),
    ],
)
def test_a_layer_or_argument_of_keras_3_alone_is_refused(make: Any, words: str) -> None:
    layer = make(keras3().layers)
    message = refusal(chain((8, 8, 3), layer))
    assert message.startswith(f"layer {layer.name!r}: ") and words in message


def test_a_single_frozen_weight_is_refused() -> None:
    source = chain((4,), keras3().layers.Dense(2, name="half"))
    source.layers[0].kernel.trainable = False
    assert "layer 'half': its weight 'kernel' is frozen" in refusal(source)


def test_weights_inside_a_model_that_is_not_built_are_not_lost() -> None:
    kl = keras3().layers
    scaled = kl.Normalization(name="scaled")
    scaled.adapt(np.arange(12.0).reshape(3, 4))
    base = chain((4,), kl.Dense(3, name="known"))
    for inner, name in ((base, "known"), (scaled, "scaled")):
        outer = keras3().Sequential([kl.Rescaling(2.0), inner, kl.Dense(2)])
        message = refusal(outer)
        assert f"its layer {name!r} has weights already" in message
        outer(np.ones((1, 4)))
        made = lth.from_keras3(outer)
        ours, theirs = inner.get_weights()[0], made.layers[1].get_weights()[0]
        np.testing.assert_array_equal(ours, theirs)


def test_a_quantized_model_is_refused() -> None:
    source = chain((4,), keras3().layers.Dense(2))
    source.quantize("int8")
    assert "convert the model before it is quantized" in refusal(source)


@pytest.mark.parametrize("given", [None, 3, [], lambda x: x])
def test_what_is_no_model_is_refused(given: Any) -> None:
    assert "give a model of Keras 3, or the path" in refusal(given)


def test_a_tf_keras_model_is_refused() -> None:
    assert "is a tf_keras model already" in refusal(keras.Sequential())


@pytest.mark.parametrize("given", [3, ["A"], {"A": 1}, {1: len}])
def test_custom_objects_are_functions_and_classes_by_name(given: Any) -> None:
    message = refusal(chain((2,), keras3().layers.Dense(1)), custom_objects=given)
    assert message.startswith("custom_objects=")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("No module named 'keras'", name="keras"), "is not installed"),
        (
            ImportError("No module named 'jax'", name="jax"),
            r"pip install '\.\[keras3-jax\]'",
        ),
        (ValueError("Unable to import backend : abc"), "KERAS_BACKEND is tensorflow"),
    ],
)
def test_what_keras_3_lacks_is_said_with_the_way_out(error, said, monkeypatch):
    def fails(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", fails)
    with pytest.raises(LotteryError, match=said):
        keras3()
