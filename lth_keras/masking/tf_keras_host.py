"""What is done for models of tf_keras; see `host.Host`."""

from __future__ import annotations

from lth_keras.masking.in_place import hold, release
from lth_keras.masking.layer_table import coverage
from lth_keras.masking.tf_keras_network import TfKerasNetwork

network = TfKerasNetwork

__all__ = ["coverage", "hold", "network", "release"]
