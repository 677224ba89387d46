""".keras exports of real models, reloaded in fresh processes."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import pytest

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import keras_file
from tests.support.export_models import ticket

layers = keras.layers


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


def doubled(x):
    return x * 2


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (lambda: layers.Lambda(lambda x: x + 1, name="odd"), "Lambda"),
        (lambda: layers.Lambda(doubled, name="odd"), "Lambda"),
        (lambda: layers.Dense(3, activation=lambda x: x * x, name="odd"), "Dense"),
        (lambda: layers.Activation(lambda x: x * x, name="odd"), "Activation"),
        (lambda: keras.Sequential([layers.Lambda(doubled, name="odd")]), "Lambda"),
    ],
)
def test_a_layer_that_holds_python_code_is_refused_in_one_line(
    tmp_path: pathlib.Path, layer: Callable[[], keras.layers.Layer], kind: str
) -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3), layer()])
    message = rf"^layer 'odd' \({kind}\) of model .* write a layer class of it, or exp"
    with pytest.raises(LotteryError, match=message) as caught:
        keras_file.export_keras(model, tmp_path / "m.keras")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    assert list(tmp_path.iterdir()) == []


def test_code_is_written_where_nobody_asks_whether_it_loads(
    tmp_path: pathlib.Path,
) -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Lambda(doubled)])
    path = tmp_path / "m.keras"
    keras_file.export_keras(model, path, verify=False, verbose=False)
    loaded = keras.models.load_model(path, safe_mode=False)
    np.testing.assert_array_equal(loaded(np.ones((1, 6))), np.full((1, 6), 2.0))
