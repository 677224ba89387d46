"""TFLite exports that cannot be are refused in one line, and leave nothing."""

import errno
import os

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export.tflite import sparse as tflite_sparse
from lth_keras.storage import files, paths
from tests.support import model_zoo
from tests.support.tflite_exports import export, lenet

layers = keras.layers


@pytest.mark.slow
def test_int8_refuses_what_tflite_makes_a_loop_of(tmp_path):
    layer = {"name": "steps", "input_shape": (5, 6)}
    given = model_zoo.floats(20, 5, 6)
    settings = {"quantize": "int8", "representative": given}
    looped = keras.Sequential([layers.GRU(3, **layer), layers.Dense(2)])
    with pytest.raises(LotteryError) as caught:
        export(looped, tmp_path / "m.tflite", **settings)
    message = str(caught.value)
    assert "'steps' (GRU)" in message and "unroll=True" in message
    assert "Dense" not in message and "\n" not in message
    assert not os.listdir(tmp_path)
    unrolled = keras.Sequential([layers.GRU(3, unroll=True, **layer), layers.Dense(2)])
    export(unrolled, tmp_path / "m.tflite", batch=given, **settings)


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


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 1])
def test_no_space_left_is_one_line_and_keeps_what_was_there(
    tmp_path, monkeypatch, free
):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    _FullDisk(monkeypatch, free)
    model = keras.Sequential([layers.Dense(2, input_shape=(3,))])
    with pytest.raises(LotteryError) as caught:
        export(model, path, overwrite=True, verify=False)
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
        export(model, path, verify=False)
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
        export(model, tmp_path / "m.tflite")
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
        export(model, tmp_path / "m.tflite", batch=given)
    message = str(caught.value)
    assert "'text_vectorization' (TextVectorization)" in message
    assert "(Dense)" not in message


@pytest.mark.slow
def test_a_taken_path_is_refused_unless_it_is_to_be_overwritten(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    with pytest.raises(LotteryError, match="exists.*overwrite=True"):
        export(lenet(), path)
    assert path.read_text() == "before"
    export(lenet(), path, overwrite=True, verify=False)
    assert path.stat().st_size > 1000


@pytest.mark.slow
def test_a_wrong_file_never_reaches_the_path(tmp_path, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_text("before")
    other = keras.models.clone_model(lth.unwrap(lenet(0.2)))
    export(other, tmp_path / "other.tflite", verify=False)
    wrong = (tmp_path / "other.tflite").read_bytes()
    monkeypatch.setattr(tflite_sparse, "sparsified", lambda *given: wrong)
    with pytest.raises(LotteryError, match="output 'output' of the export is off by"):
        export(lenet(), path, overwrite=True)
    assert path.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["m.tflite", "other.tflite"]


@pytest.mark.parametrize(
    ("model", "name", "settings", "message"),
    [
        (lenet, "m.tflite", {"quantize": "int4"}, "quantize='int4' is not allowed"),
        (lenet, "m.tflite", {"quantize": "int8"}, "needs representative="),
        (lenet, "m.tflite", {"representative": [1.0]}, "only for quantize='int8'"),
        (
            lenet,
            "m.tflite",
            {"quantize": "int8", "representative": np.full((4, 12, 12, 1), np.nan)},
            "representative holds NaN or infinity for input",
        ),
        (lenet, "m.lite", {}, "must end with .tflite"),
        (lenet, "m.tflite", {"holds": "weights"}, "holds='weights' is unknown"),
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
        export(model(), tmp_path / name, **settings)
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)
