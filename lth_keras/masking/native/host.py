"""What is done for models of Keras 3; see `masking.host.Host`."""

from __future__ import annotations

from lth_keras.masking.native.covering import coverage
from lth_keras.masking.native.holding import hold, release
from lth_keras.masking.native.network import Keras3Network
from lth_keras.masking.native.redrawing import redrawn

network = Keras3Network

__all__ = ["coverage", "dense_share", "hold", "network", "redrawn", "release"]


def dense_share(model: object) -> float:
    """0: `hold` chooses kernels by the classes of Keras 3, which it knows."""
    return 0.0
