"""What is the dense network that an export is compared with? Its zeros filled.

Sizes and latencies are told beside those of the same network without pruned entries.
"""

from __future__ import annotations

import numpy as np

from lth_keras.masking.weight import Weight

_CHUNK = 1 << 20  # entries


def is_pruned(weight: Weight, nonzeros: int) -> bool:
    """Whether zeros of the weight are pruned entries, so far as can be told."""
    if weight.mask is not None:
        return True
    return len(weight.shape) > 1 and nonzeros < int(np.prod(weight.shape))


def filled(value: np.ndarray) -> np.ndarray:
    """The weight with its zeros drawn from a normal of the other entries' width.

    In place, and in parts: the weight may be most of the memory there is.
    """
    flat = np.reshape(value, -1)
    kept = flat[flat != 0].astype(np.float64)
    width = (float(np.std(kept)) if kept.size else 0.0) or 0.05
    rng = np.random.default_rng(0)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        drawn = rng.normal(0.0, width, part.size).astype(value.dtype)
        np.copyto(part, drawn, where=part == 0)
    return value
