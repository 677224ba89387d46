"""Weights packed as a bitmask and the values that are not 0."""

from __future__ import annotations

import numpy as np

from lth_keras.export import packed


def test_a_packed_weight_is_exact_at_every_size_and_dtype() -> None:
    rng = np.random.default_rng(0)
    for size in (0, 1, 7, 8, 9, 31, 1000):
        value = rng.normal(size=size) * (rng.random(size) < 0.3)
        for dtype in ("float16", "float32", "float64"):
            store = packed.PackedStore()
            wanted = value.astype(dtype).reshape(size, 1)
            store.add(np.full((3,), 2.5, dtype), "before")
            weight = store.add(wanted, "weight")
            store.initialize(store.weights[0])
            assert weight.read().dtype == dtype
            np.testing.assert_array_equal(weight.read().numpy(), wanted)
    bits, values = packed.pack(np.array([0, -0.0, 3, 0, 0, 0, 0, 4, np.nan]))
    # 00100001 and 1 of the second byte.
    assert bits.tolist() == [0b00100001, 0b10000000]
    np.testing.assert_array_equal(values, [3, 4, np.nan])
