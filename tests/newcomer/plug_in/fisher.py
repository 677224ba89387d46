"""A criterion of gradients on data: Fisher information (1801.05787, equation 5)."""

from __future__ import annotations

import numpy as np

from lth_keras.pruning import criteria


@criteria.register("fisher", needs=("gradients",))
def fisher(
    initial: np.ndarray,
    trained: np.ndarray,
    rng: np.random.Generator,
    gradients: np.ndarray,
) -> np.ndarray:
    """(g w)^2: keeps what the loss would miss most."""
    return (gradients * trained) ** 2
