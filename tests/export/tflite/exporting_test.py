"""TFLite exports of real models, run by TFLite's own interpreter."""

import os

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export.tflite import sparse as tflite_sparse
from lth_keras.export.tflite.exporting import export_tflite
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo
from tests.support.tflite_exports import export, images_of, lenet, lite

layers = keras.layers


@pytest.mark.slow
def test_the_file_is_small_right_and_reported(tmp_path, capsys):
    model, path = lenet(), tmp_path / "lenet.tflite"
    report = export_tflite(model, path)
    assert os.listdir(tmp_path) == ["lenet.tflite"]
    assert report.bytes == path.stat().st_size
    assert report.bytes < 0.12 * report.dense_bytes
    assert str(report) in capsys.readouterr().out
    stored = {layer.weight: (layer.stored, layer.nonzeros) for layer in report.layers}
    kernel = lth.unwrap(model).get_layer("dense1").kernel.numpy()
    assert stored["dense1/kernel"] == ("sparse", np.count_nonzero(kernel))
    assert stored["dense1/bias"] == ("absent", 0)  # zeros are left out
    assert [latency.batch for latency in report.found.latencies] == [1, 32]
    for count in (1, 5):
        images = images_of(count)
        found = lite(path, image=images)["output"]
        np.testing.assert_allclose(found, model(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_nonzeros_decide_the_size(tmp_path):
    sizes = [
        export(lenet(density), tmp_path / f"{density}.tflite", verify=False).bytes
        for density in (0.01, 0.04, 0.16)
    ]
    assert sizes == sorted(sizes)
    # A value of 4 bytes each, and an index of 1 byte, or 2 in rows of 300.
    full = 5 * (144 * 300 + 100 * 10) + 6 * 300 * 100
    np.testing.assert_allclose(np.diff(sizes), full * np.array([0.03, 0.12]), rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["float16", "int8"])
def test_quantized_files_are_smaller_still_and_right(tmp_path, quantize):
    model = lenet()
    # LiteRT loads no file that makes an int8 matrix dense: these have all entries.
    plain = export(
        model, tmp_path / "plain.tflite", sparse=quantize != "int8", verify=False
    )
    given = images_of() if quantize == "int8" else None
    report = export(
        model,
        tmp_path / "q.tflite",
        quantize=quantize,
        representative=given,
        verify=False,
    )
    assert report.bytes < plain.bytes
    found = lite(tmp_path / "q.tflite", image=images_of())["output"]
    expected = model(images_of()).numpy()
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.slow
def test_an_int8_file_is_verified_within_the_ranges_that_were_measured(tmp_path):
    model = keras.Sequential([layers.Input((6,)), layers.Dense(8), layers.Dense(3)])
    # Far from the normal numbers of a random batch.
    given = 100 + np.random.default_rng(0).random((40, 6)).astype("float32")
    report = export(model, tmp_path / "m.tflite", quantize="int8", representative=given)
    (difference,) = report.found.differences.values()
    assert difference.absolute < 0.1 * np.abs(model(given)).max()


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [True, False])
def test_convolutions_and_an_unwrapped_model_are_exported(tmp_path, sparse):
    model = lth.wrap(networks.build("conv2", (8, 8, 3), 4))
    plain = lth.unwrap(masked_models.masked(model, 0.03))
    path = tmp_path / "conv2.tflite"
    report = export(plain, path, sparse=sparse, verify=False)
    assert (report.bytes < 0.2 * report.dense_bytes) == sparse
    images = model_zoo.floats(3, 8, 8, 3)
    found = lite(path, image=images)["output"]
    np.testing.assert_allclose(found, plain(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_several_inputs_and_outputs_keep_their_names(tmp_path):
    model, given = model_zoo.named_outputs()
    report = export(model, tmp_path / "m.tflite", batch=given)
    assert set(report.found.differences) == {"y", "z"}
    assert any("no weight has enough zeros" in note for note in report.notes)


@pytest.mark.slow
def test_a_model_that_needs_a_fixed_batch_takes_one_example(tmp_path, capfd):
    model = keras.Sequential(
        [keras.Input((6,), dtype="int32"), layers.Embedding(9, 4), layers.LSTM(5)]
    )
    report = export(model, tmp_path / "m.tflite")
    assert any("one example per call" in note for note in report.notes)
    assert [latency.batch for latency in report.found.latencies] == [1]
    assert "TensorList" not in capfd.readouterr().err


@pytest.mark.slow
def test_an_embedding_first_without_an_input_layer_is_exported(tmp_path):
    model = keras.Sequential(
        [layers.Embedding(50, 16), layers.GlobalAveragePooling1D(), layers.Dense(3)]
    )
    model.build((None, 6))
    assert export(model, tmp_path / "m.tflite").largest_difference < 1e-5


@pytest.mark.parametrize("width", [64, 65, 300])
def test_a_sparse_matrix_of_any_width_computes_the_same(width):
    model = keras.Sequential([layers.Dense(20, input_shape=(width,), use_bias=False)])
    kernel = np.zeros((width, 20), np.float32)
    kernel[[0, 7, width - 1, width - 2], [0, 3, 3, 19]] = 1.5, -2.5, 3.5, 4.5
    model.set_weights([kernel])
    plain = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    content = tflite_sparse.sparsified(plain)
    assert len(content) < len(plain)
    given = model_zoo.floats(3, width)
    (name,) = model.input_names
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    (found,) = interpreter.get_signature_runner()(**{name: given}).values()
    np.testing.assert_allclose(found, given @ kernel, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "float16", "int8"])
def test_verification_accepts_every_kind(tmp_path, quantize):
    given = images_of() if quantize == "int8" else None
    report = export(
        lenet(), tmp_path / "m.tflite", quantize=quantize, representative=given
    )
    assert report.found is not None and report.largest_difference < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv4", "conv6", "resnet18", "vgg16", "vgg19"])
@pytest.mark.parametrize("quantize", [None, "float16"])
def test_the_papers_networks_are_exported(tmp_path, name, quantize):
    model = lth.wrap(networks.build(name, (16, 16, 3), 10))
    report = export(
        masked_models.masked(model, 0.05), tmp_path / "m.tflite", quantize=quantize
    )
    assert report.bytes < 0.25 * report.dense_bytes
