"""A criterion of gradients on data: connection sensitivity (1810.02340, equation 6)."""

from __future__ import annotations

import numpy as np

from lth_keras.pruning import criteria


@criteria.register("snip", needs=("gradients",))
def snip(
    initial: np.ndarray,
    trained: np.ndarray,
    rng: np.random.Generator,
    gradients: np.ndarray,
) -> np.ndarray:
    """|g * w|: keeps what the loss would miss most."""
    return np.abs(gradients * trained)
