"""Outputs that are hard to compare: small, cancelling, half-precise, named alike."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import findings, packed, saved_model, staging
from lth_keras.export.keras_file import export_keras
from lth_keras.export.tflite import exporting as tflite
from tests.support import masked_models
from tests.support.export_models import wide

layers = keras.layers


def half() -> keras.Model:
    """Takes, holds and computes bfloat16."""
    inputs = keras.Input((40,), dtype="bfloat16", name="pixels")
    hidden = layers.Dense(80, "relu", dtype="bfloat16", name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(3, dtype="bfloat16")(hidden), name="half")


@pytest.mark.slow
def test_bfloat16_inputs_are_verified(tmp_path: pathlib.Path) -> None:
    model = masked_models.masked(lth.wrap(half()), 0.1)
    report = saved_model.export_saved_model(model, tmp_path / "m", verbose=False)
    assert report.largest_difference == 0
    assert report.layers[0].stored == "bitmask"
    # tf_keras itself fails at such a file.
    with pytest.raises(LotteryError, match="hidden/kernel .* is bfloat16, which tf_k"):
        export_keras(model, tmp_path / "m.keras")
    assert not (tmp_path / "m.keras").exists()


@pytest.mark.slow
def test_outputs_whose_names_become_one_are_told_apart(tmp_path: pathlib.Path) -> None:
    inputs = keras.Input((4,))
    outputs = [layers.Dense(2, name=name)(inputs) for name in ("a/b", "a_b")]
    model = keras.Model(inputs, outputs)
    report = export_keras(model, tmp_path / "m.keras", verbose=False)
    assert report.found.differences == {
        name: findings.Difference(0.0, 0.0) for name in ("a_b", "a_b_2")
    }


@pytest.mark.slow
def test_a_wrong_export_of_small_outputs_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = lth.unwrap(masked_models.masked(lth.wrap(wide()), 0.1))
    last = model.get_layer("logits").kernel
    last.assign(last * 1e-3)
    (right,) = staging.finish(
        [saved_model.staged_saved_model(model, tmp_path / "right")], verbose=False
    )
    assert right.found.largest.relative < 1e-4
    pack = packed.pack
    monkeypatch.setattr(
        packed, "pack", lambda value: (pack(value)[0], 0 * pack(value)[1])
    )
    with pytest.raises(LotteryError, match=r"'logits' .* off by .*e-0. \(1 of the"):
        saved_model.export_saved_model(model, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


@pytest.mark.slow
def test_a_right_export_whose_large_values_cancel_is_written(
    tmp_path: pathlib.Path,
) -> None:
    rng = np.random.default_rng(0)
    first = 100 * rng.normal(size=(40, 256))
    # What the first layer makes of any input is orthogonal to the last of these.
    last = np.linalg.svd(first)[2][-1:].T + 1e-6 * rng.normal(size=(256, 1))
    inputs = keras.Input((40,))
    hidden = layers.Dense(256, use_bias=False)(inputs)
    model = keras.Model(inputs, layers.Dense(1, use_bias=False, name="y")(hidden))
    model.set_weights([first, last])
    report = tflite.export_tflite(model, tmp_path / "m.tflite", verbose=False)
    # Off by more than 0.01 %, which would be refused elsewhere.
    assert 1e-4 < report.found.differences["y"].relative < 0.1
