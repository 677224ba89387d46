"""What is done for models of Keras 3; see `masking.host.Host`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.masking.native.covering import coverage
from lth_keras.masking.native.holding import hold, release
from lth_keras.masking.native.network import Keras3Network

NAME = "keras3"
network = Keras3Network

__all__ = ["NAME", "coverage", "hold", "network", "release", "reset_generators"]


def reset_generators(model: Any, seed: int) -> None:
    """Sets the state of each layer's generator from the seed and its place alone."""
    compat.keras3_sync(model)
    sequence = np.random.SeedSequence(seed)
    for generator in compat.keras3_seed_generators(model):
        (child,) = sequence.spawn(1)
        # Positive in the signed integers that some backends keep it in.
        drawn = int(child.generate_state(1)[0]) >> 1
        dtype = compat.keras3_dtype(generator.state)
        generator.state.assign(np.array([drawn, 0], dtype))
