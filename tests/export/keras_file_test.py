""".keras exports of real models, reloaded in fresh processes."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import keras_file
from tests.support.export_models import ticket


@pytest.mark.slow
def test_a_keras_file_has_exact_zeros_and_needs_plain_tf_keras(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrapped = ticket()
    path = tmp_path / "wide.keras"
    report = keras_file.export_keras(wrapped, path, holds="start")
    assert str(report) + "\n" == capsys.readouterr().out
    assert report.largest_difference == 0
    assert report.gzip_bytes < 0.5 * report.dense_gzip_bytes
    loaded = keras.models.load_model(path)
    assert not any("prun" in type(layer).__name__.lower() for layer in loaded.layers)
    zeros = loaded.get_layer("hidden").kernel.numpy() == 0
    mask = wrapped.get_layer("hidden").read_masks()[0]
    np.testing.assert_array_equal(zeros, ~mask)
    with pytest.raises(LotteryError, match="exists; remove it, choose another"):
        keras_file.export_keras(wrapped, path, verify=False)
