"""Which Keras is a model of? What holds its masks is imported only then.

    host.of(model).hold(model, rate=0.2)

A file for each: `tf_keras_host.py`, and `native/host.py` for Keras 3.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from lth_keras import compat

# By name: these import what asks here.
_FILES = {
    "tf_keras": "lth_keras.masking.tf_keras_host",
    "keras3": "lth_keras.masking.native.host",
}


class Host(Protocol):
    """What is done in another way for models of each Keras."""

    @staticmethod
    def network(model: Any, optimizer: Any = None) -> Any:
        """The `Network` of a built model."""

    @staticmethod
    def hold(model: Any, **arguments: Any) -> Any:
        """As `lth.hold`."""

    @staticmethod
    def release(model: Any) -> Any:
        """As `lth.release`."""

    @staticmethod
    def coverage(model: Any) -> Any:
        """The table of `lth.coverage`."""

    @staticmethod
    def dense_share(model: Any) -> float:
        """The share of kernel entries that are on no mask without being asked."""

    @staticmethod
    def redrawn(model: Any, seed: int) -> Any:
        """The weights newly drawn, by place; None where one stays as it began."""


def of(model: Any) -> Host:
    """What a model's Keras does; of what is no model, tf_keras refuses the rest."""
    name = "keras3" if compat.is_keras3_model(model) else "tf_keras"
    found: Any = importlib.import_module(_FILES[name])
    return found
