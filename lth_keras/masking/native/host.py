"""What is done for models of Keras 3; see `masking.host.Host`."""

from __future__ import annotations

from lth_keras.masking.native.covering import coverage
from lth_keras.masking.native.holding import hold, release
from lth_keras.masking.native.network import Keras3Network

network = Keras3Network

__all__ = ["coverage", "hold", "network", "release"]
