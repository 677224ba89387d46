"""What an older version exported is served as it was, by TensorFlow alone and by us."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from tests.old_files import facts, jobs

keras = jobs.keras


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The stored exports; no test changes them."""
    return facts.unpacked("exports", tmp_path_factory.mktemp("old"))


@pytest.fixture
def inputs() -> np.ndarray:
    return facts.numbers()["served/inputs"]


def check(outputs: np.ndarray) -> None:
    known = facts.numbers()["served/outputs"]
    # TFLite and Keras add in another order.
    np.testing.assert_allclose(outputs, known, rtol=1e-4, atol=1e-5)


def test_a_packed_saved_model_is_served(folder, inputs):
    place = folder / "packed" / "1"
    stored = sum(path.stat().st_size for path in (place / "variables").iterdir())
    assert stored < 8_000  # The first layer alone has 16,384 bytes of weights.
    served = tf.saved_model.load(str(place)).signatures["serving_default"]
    (outputs,) = served(**{next(iter(served.structured_input_signature[1])): inputs})
    check(served(tf.constant(inputs))[outputs].numpy())


def test_a_tflite_file_is_served(folder, inputs):
    interpreter = tf.lite.Interpreter(str(folder / "model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    (name,) = runner.get_input_details()
    (outputs,) = runner(**{name: inputs}).values()
    check(outputs)


def test_a_plain_keras_file_has_the_exact_zeros_and_is_wrapped_again(folder, inputs):
    plain = keras.models.load_model(folder / "plain.keras")
    check(plain.predict(inputs, verbose=0))
    (kernel, *_) = plain.get_weights()
    assert np.count_nonzero(kernel) == kernel.size - round(0.8 * kernel.size)
    check(lth.wrap(plain).predict(inputs, verbose=0))
