"""TFLite exports of models that compute in other precisions than float32."""

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export.tflite.exporting import export_tflite
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo

layers = keras.layers


def _export(model: keras.Model, path, **settings):
    return export_tflite(model, path, verbose=False, **settings)


def _lite(path, **inputs) -> dict[str, np.ndarray]:
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    return interpreter.get_signature_runner("serving_default")(**inputs)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_half_precision_is_computed_in_float32(tmp_path, quantize):
    keras.mixed_precision.set_global_policy("mixed_float16")
    inputs = keras.Input((40,), name="x")
    hidden = layers.Dense(64, "relu")(inputs)
    hidden = layers.TimeDistributed(layers.Dense(32))(hidden[:, tf.newaxis])
    logits = layers.Dense(3, dtype="float32", name="logits")(layers.Flatten()(hidden))
    model = keras.Model(inputs, [logits, layers.Dense(2, name="half")(logits)])
    wrapped = masked_models.masked(lth.wrap(model), 0.1)
    given = model_zoo.floats(20, 40) if quantize else None
    path = tmp_path / "m.tflite"
    report = _export(wrapped, path, quantize=quantize, representative=given)
    assert any("computes in float32" in note for note in report.notes)
    assert report.layers[0].stored == ("dense" if quantize else "sparse")
    found = _lite(path, x=model_zoo.floats(2, 40))
    assert {value.dtype for value in found.values()} == {np.dtype("float32")}


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_with_batch_normalization_is_exported(tmp_path, policy):
    keras.mixed_precision.set_global_policy(policy)
    model = lth.unwrap(
        masked_models.masked(lth.wrap(networks.build("resnet18", (8, 8, 3), 10)), 0.05)
    )
    path = tmp_path / "m.tflite"
    report = _export(model, path, verify=False)
    assert any("computes in float32" in note for note in report.notes)
    assert sum(layer.stored == "sparse" for layer in report.layers) > 10
    images = model_zoo.floats(2, 8, 8, 3)
    (found,) = _lite(path, image=images).values()
    expected = model(images).numpy().astype(np.float32)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_float64_is_computed_in_float32(tmp_path, quantize):
    keras.mixed_precision.set_global_policy("float64")
    inputs = keras.Input((40,), name="x")
    hidden = layers.BatchNormalization()(layers.Dense(64, "relu")(inputs))
    model = keras.Model(inputs, layers.Dense(3, name="y")(hidden))
    wrapped = masked_models.masked(lth.wrap(model), 0.1)
    given = model_zoo.floats(20, 40) if quantize else None
    path = tmp_path / "m.tflite"
    report = _export(wrapped, path, quantize=quantize, representative=given)
    (note,) = [note for note in report.notes if "float64" in note]
    assert "the file computes in float32" in note
    stored = {layer.weight: layer.stored for layer in report.layers}
    assert stored["dense/kernel"] == ("dense" if quantize else "sparse")
    (details,) = tf.lite.Interpreter(str(path)).get_input_details()
    x = model_zoo.floats(5, 40)
    found = _lite(path, x=x.astype(details["dtype"]))["y"]
    expected = wrapped(x).numpy()
    assert expected.dtype == np.float64
    limit = 0.05 if quantize else 1e-5
    assert np.abs(found - expected).max() < limit * np.abs(expected).max()
