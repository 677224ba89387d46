"""Activations of Keras 3, against its own, and through files of models."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras, keras3
from lth_keras.converting import activations
from tests.support.keras3_models import array, chain

X = tf.constant(np.linspace(-5, 5, 202, dtype="float32").reshape(1, 202))
# Of several arguments, or of numbers that tf_keras's functions do not give.
UNKNOWN = {"sparsemax", "threshold"}


def names() -> list[str]:
    found = vars(keras3().activations)
    return [n for n in found if n not in ("deserialize", "get", "serialize", "ALL")]


def functions() -> list[str]:
    return sorted(n for n in names() if callable(vars(keras3().activations)[n]))


def test_every_activation_of_keras_3_is_the_same_in_tf_keras_or_unknown() -> None:
    unknown = set()
    for name in functions():
        theirs = getattr(keras3().activations, name)
        # `swish` is another name of `silu`, and goes by that.
        made = activations.activation(theirs.__name__)
        if made is None:
            unknown.add(name)
            continue
        wanted = array(theirs(X))
        np.testing.assert_allclose(np.asarray(made(X)), wanted, atol=2e-6, err_msg=name)
    assert unknown == UNKNOWN


def test_hard_sigmoid_survives_a_file_as_that_of_keras_3(
    tmp_path: pathlib.Path,
) -> None:
    # tf_keras has another function of that name, and writes names into files.
    kl = keras3().layers
    source = chain((4,), kl.Dense(3, "hard_sigmoid"), kl.Activation("hard_silu"))
    made = lth.unwrap(lth.wrap(lth.from_keras3(source)))
    made.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = np.linspace(-9, 9, 12, dtype="float32").reshape(3, 4)
    np.testing.assert_allclose(again(x), array(source(x)), atol=1e-6)


def test_a_function_of_the_users_is_given_by_its_name() -> None:
    def doubled(x):
        return 2 * x

    source = chain((4,), keras3().layers.Dense(3, activation=doubled))
    with pytest.raises(lth.LotteryError, match="custom_objects={'doubled'"):
        lth.from_keras3(source)
    made = lth.from_keras3(source, custom_objects={"doubled": doubled})
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(made(x), array(source(x)), atol=1e-6)
