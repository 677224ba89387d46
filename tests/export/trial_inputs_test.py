"""The inputs that an export is tried with fit the model."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export import model_io, trial_inputs
from tests.support import model_zoo

layers = keras.layers


def test_random_inputs_fit_the_model() -> None:
    model, _ = model_zoo.attention()
    (ids,) = trial_inputs.example_inputs(model).values()
    assert ids.shape == (8, 5) and ids.max() < 9
    # Keras takes the inputs of this one for floats.
    model = keras.Sequential([layers.Embedding(7, 4), layers.Dense(2)])
    model.build((None, 6))
    for given in (model, lth.wrap(model, embeddings=True)):
        (ids,) = trial_inputs.example_inputs(given).values()
        assert ids.dtype == np.float32
        assert set(np.unique(ids)) <= set(range(7))
        model_io.expected_outputs(given, trial_inputs.example_inputs(given))
    texts = trial_inputs.random_inputs({"t": tf.TensorSpec([None], tf.string)}, 3)
    assert texts["t"].shape == (3,) and texts["t"].dtype.kind == "U"
