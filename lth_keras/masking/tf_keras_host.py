"""What is done for models of tf_keras; see `host.Host`."""

from __future__ import annotations

from lth_keras.masking.in_place import hold, release
from lth_keras.masking.layer_table import coverage
from lth_keras.masking.redrawing import redrawn
from lth_keras.masking.tf_keras_network import TfKerasNetwork
from lth_keras.masking.unasked import dense_share

network = TfKerasNetwork

__all__ = ["coverage", "dense_share", "hold", "network", "redrawn", "release"]
