"""What Keras 3 exports by itself holds the zeros that lth.write_to brought.

The extra `tests` brings onnx, onnxruntime and tf2onnx (of which versions before 1.17
ask for an older protobuf than TensorFlow does); without them it is skipped.
"""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras3
from tests.support.keras3_models import chain


@pytest.mark.slow
def test_an_onnx_file_of_keras_3_holds_the_zeros(tmp_path: pathlib.Path) -> None:
    onnx, runtime, _ = (
        pytest.importorskip(name, reason=f"{name} is not installed")
        for name in ("onnx", "onnxruntime", "tf2onnx")
    )
    kl = keras3().layers
    source = chain(
        (8, 8, 3), kl.Conv2D(6, 3, activation="relu"), kl.Flatten(), kl.Dense(4)
    )
    model = lth.wrap(source, rate=0.75)
    lth.prune(model)
    lth.write_to(source, model)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    # Keras 3 exports what was called before.
    wanted = np.asarray(source(x))
    path = str(tmp_path / "model.onnx")
    source.export(path, format="onnx", verbose=False)

    session = runtime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    stored = [onnx.numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer]
    for layer in (source.layers[0], source.layers[2]):
        kernel = np.asarray(layer.kernel)
        (same,) = [value for value in stored if value.size == kernel.size]
        assert np.count_nonzero(same) == np.count_nonzero(kernel) == kernel.size // 4
