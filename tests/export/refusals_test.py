"""Exports that cannot be are refused in one line, and leave nothing."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
from lth_keras.export import keras_file, saved_model
from tests.support.export_models import exported, ticket, wide

layers = keras.layers


def test_a_model_that_cannot_be_exported_is_one_line(tmp_path: pathlib.Path) -> None:
    unbuilt = keras.Sequential([layers.Dense(3)])
    stock = sparsity.prune_low_magnitude(wide())
    broken = ticket()
    broken.get_layer("hidden").layer.kernel.raw.assign(tf.ones((40, 64)))
    ragged = keras.Sequential([keras.Input((None,), ragged=True), layers.Lambda(abs)])
    diverged = wide()
    diverged.weights[-1].assign(tf.fill(diverged.weights[-1].shape, np.nan))
    for model, message in (
        (unbuilt, "has no weights yet: call model.build"),
        (stock, "wrapped by stock tfmot"),
        (broken, "lth.project"),
        (ragged, "is a RaggedTensorSpec"),
        (diverged, "holds NaN: export a level"),
        ("model", "expected a tf_keras model"),
    ):
        for function, path in (
            (saved_model.export_saved_model, tmp_path / "m"),
            (keras_file.export_keras, tmp_path / "m.keras"),
        ):
            with pytest.raises(LotteryError, match=message) as caught:
                function(model, path)
            assert "\n" not in str(caught.value)
    with pytest.raises(LotteryError, match=r"must end with .keras: use .*m.keras"):
        keras_file.export_keras(wide(), tmp_path / "m")
    assert exported(tmp_path) == []


def test_a_batch_that_the_model_cannot_compute_with_is_one_line(
    tmp_path: pathlib.Path,
) -> None:
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layers.Embedding(5, 3)])
    for function, name in (
        (saved_model.export_saved_model, "m"),
        (keras_file.export_keras, "m.keras"),
    ):
        with pytest.raises(LotteryError, match="cannot compute .* pass batch=") as e:
            function(model, tmp_path / name, batch=np.array([[1, 99]]))
        assert "indices" in str(e.value) and "\n" not in str(e.value)
    assert exported(tmp_path) == []
