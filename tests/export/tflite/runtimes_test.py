"""TFLite files in both runtimes: TensorFlow's own, and the one that follows it."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from lth_keras.export import fresh_process
from tests.support.tflite_exports import export, images_of, lenet

BOTH = ["tf.lite.Interpreter", "ai_edge_litert.interpreter.Interpreter"]


@pytest.mark.slow
def test_a_sparse_file_is_verified_in_both_and_computes_the_same(
    tmp_path: pathlib.Path,
) -> None:
    model, x = lenet(), images_of(5)
    report = export(model, tmp_path / "m.tflite")
    assert list(report.found.loaders) == BOTH
    assert f"in a fresh process by {BOTH[0]} and {BOTH[1]}" in str(report)
    assert any(layer.stored == "sparse" for layer in report.layers)
    runner = Interpreter(str(tmp_path / "m.tflite")).get_signature_runner()
    (name,) = runner.get_input_details()
    (found,) = runner(**{name: x}).values()
    np.testing.assert_allclose(found, model(x), atol=1e-5)


def test_the_second_runtime_need_not_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(fresh_process._loaders("tflite")) == BOTH
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert list(fresh_process._loaders("tflite")) == BOTH[:1]
