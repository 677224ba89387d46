"""The dense network that an export is compared with."""

from __future__ import annotations

import numpy as np

from lth_keras.export import dense_counterpart


def test_filled_weights_keep_what_was_not_zero() -> None:
    value = np.array([[0.0, 2.0], [-1.0, 0.0]], np.float32)
    full = dense_counterpart.filled(value.copy())
    assert (full != 0).all()
    assert full[0, 1] == 2.0 and full[1, 0] == -1.0
