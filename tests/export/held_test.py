"""What is held in place is exported as the ticket that it is."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export import packed
from lth_keras.masking import frozen
from lth_keras.masking.network import Network
from tests.support import by_hand, model_zoo
from tests.support.own_models import made, residual

pytestmark = pytest.mark.slow
layers = keras.layers


def test_a_class_with_a_compiled_call_is_a_packed_saved_model(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "_OVERHEAD", -(10**6))  # small weights are packed too
    model, data = made(residual)
    lth.hold(model, 0.5)
    masks = by_hand.random_masks(model)
    x = data["x"][:4]
    expected = model(x).numpy()
    report = lth.export_saved_model(model, str(tmp_path / "1"), batch=x, verbose=False)
    assert report.largest_difference < 1e-5
    stored = {layer.stored for layer in report.layers if len(layer.shape) > 1}
    assert stored == {"bitmask"}
    # The call that was traced for the export is forgotten.
    assert np.array_equal(model(x).numpy(), expected)
    model.fit(**data, verbose=0)
    assert by_hand.off_masks(model, masks) == []


def test_a_graph_that_freezes_values_is_exported_with_them(tmp_path):
    model, x = model_zoo.dense()
    lth.hold(model, 0.5)
    lth.prune(model)
    network = Network.of(model)
    values = [np.where(w.read_mask(), 0, 0.25) for w in network.pruned]
    frozen.write(network, [v.astype("float32") for v in values])
    lth.verify(model)
    expected = model(x).numpy()
    lth.export_keras(model, str(tmp_path / "a.keras"), verbose=False)
    loaded = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(loaded(x), expected, rtol=1e-6)
    kernels = [w for w in loaded.get_weights() if w.ndim == 2]
    assert all(np.mean(k == 0.25) > 0.4 for k in kernels)
    frozen.write(network, [None for _ in values])
    assert [w.read_frozen() for w in network.pruned] == [None, None]
    lth.release(model)


def test_a_held_graph_is_compacted_and_exported_as_the_wrapped_one(tmp_path):
    model, x = model_zoo.dense()
    lth.hold(model, 0.5)
    lth.prune(model)
    expected = model(x).numpy()
    np.testing.assert_allclose(lth.compact(model)(x), expected, atol=1e-6)
    report = lth.export_tflite(model, str(tmp_path / "a.tflite"), verbose=False)
    assert report.largest_difference < 1e-5
    lth.verify(model)
