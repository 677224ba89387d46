import errno
import os

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export.tflite import sparse as tflite_sparse
from lth_keras.export.tflite.exporting import export_tflite
from lth_keras.papers import networks
from lth_keras.storage import files, paths
from tests.support import masked_models, model_zoo

layers = keras.layers

# Random masks at 3.6 %.
_DENSITY = 0.036


def _lenet(density: float = _DENSITY) -> keras.Model:
    model = lth.wrap(networks.build("lenet", (12, 12, 1), 10))
    return masked_models.masked(model, density)


def _export(model: keras.Model, path, **settings):
    return export_tflite(model, path, verbose=False, **settings)


def _lite(path, **inputs) -> dict[str, np.ndarray]:
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    return interpreter.get_signature_runner("serving_default")(**inputs)


def _images(count: int = 20) -> np.ndarray:
    return model_zoo.floats(count, 12, 12, 1)


def test_the_file_is_small_right_and_reported(tmp_path, capsys):
    model, path = _lenet(), tmp_path / "lenet.tflite"
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
        images = _images(count)
        found = _lite(path, image=images)["output"]
        np.testing.assert_allclose(found, model(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_nonzeros_decide_the_size(tmp_path):
    sizes = [
        _export(_lenet(density), tmp_path / f"{density}.tflite", verify=False).bytes
        for density in (0.01, 0.04, 0.16)
    ]
    assert sizes == sorted(sizes)
    # A value of 4 bytes each, and an index of 1 byte, or 2 in rows of 300.
    full = 5 * (144 * 300 + 100 * 10) + 6 * 300 * 100
    np.testing.assert_allclose(np.diff(sizes), full * np.array([0.03, 0.12]), rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["float16", "int8"])
def test_quantized_files_are_smaller_still_and_right(tmp_path, quantize):
    model = _lenet()
    plain = _export(model, tmp_path / "plain.tflite", verify=False)
    given = _images() if quantize == "int8" else None
    report = _export(
        model,
        tmp_path / "q.tflite",
        quantize=quantize,
        representative=given,
        verify=False,
    )
    assert report.bytes < plain.bytes
    found = _lite(tmp_path / "q.tflite", image=_images())["output"]
    expected = model(_images()).numpy()
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.slow
def test_an_int8_file_is_verified_within_the_ranges_that_were_measured(tmp_path):
    model = keras.Sequential([layers.Input((6,)), layers.Dense(8), layers.Dense(3)])
    # Far from the normal numbers of a random batch.
    given = 100 + np.random.default_rng(0).random((40, 6)).astype("float32")
    report = _export(
        model, tmp_path / "m.tflite", quantize="int8", representative=given
    )
    (difference,) = report.found.differences.values()
    assert difference.absolute < 0.1 * np.abs(model(given)).max()


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [True, False])
def test_convolutions_and_an_unwrapped_model_are_exported(tmp_path, sparse):
    model = lth.wrap(networks.build("conv2", (8, 8, 3), 4))
    plain = lth.unwrap(masked_models.masked(model, 0.03))
    path = tmp_path / "conv2.tflite"
    report = _export(plain, path, sparse=sparse, verify=False)
    assert (report.bytes < 0.2 * report.dense_bytes) == sparse
    images = model_zoo.floats(3, 8, 8, 3)
    found = _lite(path, image=images)["output"]
    np.testing.assert_allclose(found, plain(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_several_inputs_and_outputs_keep_their_names(tmp_path):
    model, given = model_zoo.named_outputs()
    report = _export(model, tmp_path / "m.tflite", batch=given)
    assert set(report.found.differences) == {"y", "z"}
    assert any("no weight has enough zeros" in note for note in report.notes)


@pytest.mark.slow
def test_a_model_that_needs_a_fixed_batch_takes_one_example(tmp_path, capfd):
    model = keras.Sequential(
        [keras.Input((6,), dtype="int32"), layers.Embedding(9, 4), layers.LSTM(5)]
    )
    report = _export(model, tmp_path / "m.tflite")
    assert any("one example per call" in note for note in report.notes)
    assert [latency.batch for latency in report.found.latencies] == [1]
    assert "TensorList" not in capfd.readouterr().err


@pytest.mark.slow
def test_int8_refuses_what_tflite_makes_a_loop_of(tmp_path):
    layer = {"name": "steps", "input_shape": (5, 6)}
    given = model_zoo.floats(20, 5, 6)
    settings = {"quantize": "int8", "representative": given}
    looped = keras.Sequential([layers.GRU(3, **layer), layers.Dense(2)])
    with pytest.raises(LotteryError) as caught:
        _export(looped, tmp_path / "m.tflite", **settings)
    message = str(caught.value)
    assert "'steps' (GRU)" in message and "unroll=True" in message
    assert "Dense" not in message and "\n" not in message
    assert not os.listdir(tmp_path)
    unrolled = keras.Sequential([layers.GRU(3, unroll=True, **layer), layers.Dense(2)])
    _export(unrolled, tmp_path / "m.tflite", batch=given, **settings)


@pytest.mark.slow
def test_an_embedding_first_without_an_input_layer_is_exported(tmp_path):
    model = keras.Sequential(
        [layers.Embedding(50, 16), layers.GlobalAveragePooling1D(), layers.Dense(3)]
    )
    model.build((None, 6))
    assert _export(model, tmp_path / "m.tflite").largest_difference < 1e-5


class _FullDisk:
    """A file system without space from some write on."""

    def __init__(self, monkeypatch, free: int):
        self.free = free
        self._write = files.write_bytes
        monkeypatch.setattr(files, "write_bytes", self.write)

    def write(self, path, data):
        if not self.free:
            with paths.errors_naming(path, "write"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self.free -= 1
        self._write(path, data)


@pytest.mark.parametrize("free", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_no_space_left_is_one_line_and_keeps_what_was_there(
    tmp_path, monkeypatch, free
):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    _FullDisk(monkeypatch, free)
    model = keras.Sequential([layers.Dense(2, input_shape=(3,))])
    with pytest.raises(LotteryError) as caught:
        _export(model, path, overwrite=True, verify=False)
    assert str(caught.value) == f"cannot write {path}: No space left on device"
    assert os.listdir(tmp_path) == ["m.tflite"] and path.read_text() == "before"


def test_no_space_left_for_what_is_converted_is_one_line(tmp_path, monkeypatch):
    def full(module, place, signatures):
        os.makedirs(place)
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    model = keras.Sequential([layers.Dense(2, input_shape=(3,))])
    path = tmp_path / "m.tflite"
    with pytest.raises(LotteryError, match="cannot write .*tflite: No space left"):
        _export(model, path, verify=False)
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_layers_that_tflite_cannot_convert_are_named(tmp_path, capfd):
    def determinant(values):
        return tf.linalg.det(tf.linalg.diag(values))

    model = keras.Sequential(
        [
            layers.Dense(3, name="fine", input_shape=(4,)),
            layers.Lambda(determinant, name="det"),
        ]
    )
    with pytest.raises(LotteryError) as caught:
        _export(model, tmp_path / "m.tflite")
    message = str(caught.value)
    assert "'det' (Lambda)" in message and "MatrixDeterminant" in message
    assert "fine" not in message and "\n" not in message
    assert not os.listdir(tmp_path)
    # The converter's own account is there, but not in between.
    assert "tf.MatrixDeterminant" in str(caught.value.__cause__)
    assert "MatrixDeterminant" not in capfd.readouterr().err


@pytest.mark.slow
def test_layers_beside_those_that_tflite_cannot_convert_are_not_named(tmp_path):
    model, given = model_zoo.text()
    with pytest.raises(LotteryError) as caught:
        _export(model, tmp_path / "m.tflite", batch=given)
    message = str(caught.value)
    assert "'text_vectorization' (TextVectorization)" in message
    assert "(Dense)" not in message


@pytest.mark.slow
def test_a_taken_path_is_refused_unless_it_is_to_be_overwritten(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    with pytest.raises(LotteryError, match="exists.*overwrite=True"):
        _export(_lenet(), path)
    assert path.read_text() == "before"
    _export(_lenet(), path, overwrite=True, verify=False)
    assert path.stat().st_size > 1000


@pytest.mark.slow
def test_a_wrong_file_never_reaches_the_path(tmp_path, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    other = keras.models.clone_model(lth.unwrap(_lenet(0.2)))
    _export(other, tmp_path / "other.tflite", verify=False)
    wrong = (tmp_path / "other.tflite").read_bytes()
    monkeypatch.setattr(tflite_sparse, "sparsified", lambda *given: wrong)
    with pytest.raises(LotteryError, match="output 'output' of the export is off by"):
        _export(_lenet(), path, overwrite=True)
    assert path.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["m.tflite", "other.tflite"]


@pytest.mark.parametrize(
    ("model", "name", "settings", "message"),
    [
        (_lenet, "m.tflite", {"quantize": "int4"}, "quantize='int4' is not allowed"),
        (_lenet, "m.tflite", {"quantize": "int8"}, "needs representative="),
        (_lenet, "m.tflite", {"representative": [1.0]}, "only for quantize='int8'"),
        (
            _lenet,
            "m.tflite",
            {"quantize": "int8", "representative": np.full((4, 12, 12, 1), np.nan)},
            "representative holds NaN or infinity for input",
        ),
        (_lenet, "m.lite", {}, "must end with .tflite"),
        (_lenet, "m.tflite", {"holds": "weights"}, "holds='weights' is unknown"),
        (
            lambda: keras.Sequential([layers.Dense(2)]),
            "m.tflite",
            {},
            "has no weights yet",
        ),
    ],
)
def test_bad_requests_are_refused_in_one_line(tmp_path, model, name, settings, message):
    with pytest.raises(LotteryError, match=message) as caught:
        _export(model(), tmp_path / name, **settings)
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)


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
    given = _images() if quantize == "int8" else None
    report = _export(
        _lenet(), tmp_path / "m.tflite", quantize=quantize, representative=given
    )
    assert report.found is not None and report.largest_difference < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv4", "conv6", "resnet18", "vgg16", "vgg19"])
@pytest.mark.parametrize("quantize", [None, "float16"])
def test_the_papers_networks_are_exported(tmp_path, name, quantize):
    model = lth.wrap(networks.build(name, (16, 16, 3), 10))
    report = _export(
        masked_models.masked(model, 0.05), tmp_path / "m.tflite", quantize=quantize
    )
    assert report.bytes < 0.25 * report.dense_bytes
