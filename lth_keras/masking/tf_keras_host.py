"""What is done for models of tf_keras; see `host.Host`."""

from __future__ import annotations

from lth_keras import compat
from lth_keras.masking.in_place import hold, release
from lth_keras.masking.layer_table import coverage
from lth_keras.masking.tf_keras_network import TfKerasNetwork

NAME = "tf_keras"
network = TfKerasNetwork
reset_generators = compat.reset_generators

__all__ = ["NAME", "coverage", "hold", "network", "release", "reset_generators"]
