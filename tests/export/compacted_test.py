"""What an export of a compacted network is compared with: the network before."""

from __future__ import annotations

import gc
import pathlib
import weakref
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking import origins
from tests.support import model_zoo

layers = keras.layers

EXPORTS = [
    (lth.export_saved_model, "m"),
    (lth.export_keras, "m.keras"),
    pytest.param(lth.export_tflite, "m.tflite", marks=pytest.mark.slow),
]


def mostly_dead() -> keras.Model:
    """Two layers of 400 units, of which 20 are used."""
    inputs = keras.Input((40,), name="pixels")
    hidden = layers.Dense(400, "relu", name="hidden")(inputs)
    hidden = layers.Dense(400, "relu", name="deeper")(hidden)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(hidden), name="wide")
    for name in ("hidden", "deeper"):
        kernel = model.get_layer(name).kernel
        used = np.zeros(kernel.shape, np.float32)
        used[: min(20, len(used)), :20] = 1
        kernel.assign(kernel * used)
    return model


@pytest.mark.parametrize(("export", "name"), EXPORTS)
def test_a_compacted_network_is_compared_with_the_one_before(
    tmp_path: pathlib.Path, export: Any, name: str
) -> None:
    model = mostly_dead()
    small = lth.compact(model)
    place, settings = tmp_path / name, {"verify": False, "verbose": False}
    before = export(model, tmp_path / f"before_{name}", **settings)
    report = export(small, place, **settings)
    assert before.original_weights is None
    assert report.original_weights == model.count_params() == 178_003
    assert report.dense_bytes == pytest.approx(before.dense_bytes, rel=0.02)
    # At most 1,303 are left; what describes the graph takes more.
    assert report.dense_bytes > 700_000 > 10 * report.bytes
    assert "dense is the network before compaction, of 178,003 weights; this one " in (
        str(report)
    )
    # It is compared with, and stays what it was.
    x = model_zoo.floats(3, 40)
    np.testing.assert_allclose(small(x), model(x), atol=1e-5)
    np.testing.assert_array_equal(origins.original_of(small)(x), model(x))


def test_it_is_the_first_network_that_a_second_compaction_is_compared_with() -> None:
    model = mostly_dead()
    once = lth.compact(lth.wrap(model))
    twice = lth.compaction(once).model
    assert origins.original_of(twice) is origins.original_of(once)
    assert origins.original_of(once).count_params() == model.count_params()
    assert origins.original_of(model) is None


@pytest.mark.slow
def test_the_network_before_goes_with_the_one_made_of_it() -> None:
    small = lth.compact(mostly_dead())
    before = weakref.ref(origins.original_of(small))
    del small
    keras.backend.clear_session()
    gc.collect()
    assert before() is None


@pytest.mark.slow
def test_fewer_units_are_measured_beside_the_network_before(
    tmp_path: pathlib.Path,
) -> None:
    small = lth.compact(mostly_dead())
    report = lth.export_tflite(small, tmp_path / "m.tflite", verbose=False)
    assert report.largest_difference < 1e-4
    assert [entry.batch for entry in report.found.latencies] == [1, 32]
    assert "Sparsity" not in report.speed and "zeros" not in report.speed
