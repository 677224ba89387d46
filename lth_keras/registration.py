"""Lets tf_keras load files of models that name our classes after `import lth_keras`.

The facade imports neither TensorFlow nor tf_keras, and a file may be loaded before any
name of it is used. So a stand-in is registered for each of our classes as soon as
tf_keras has been imported, in whatever order; the class itself takes its place when it
is imported, at the latest when a file asks for it.
"""

from __future__ import annotations

import importlib
from typing import Any

import wrapt

_PACKAGE = "lth_keras"
_CLASSES = ("IterativePruning", "LinearWarmup", "PruneByLevel")


def when_tf_keras_is_there() -> None:
    """Registers now if tf_keras is imported already, else when it has been."""
    wrapt.when_imported("tf_keras")(_register)


def _register(tf_keras: Any) -> None:
    for name in _CLASSES:
        key = f"{_PACKAGE}>{name}"
        tf_keras.saving.get_custom_objects().setdefault(key, _StandIn(key, tf_keras))


class _StandIn:
    """A class of ours that has not been imported yet."""

    def __init__(self, key: str, tf_keras: Any):
        self._key, self._tf_keras = key, tf_keras

    def from_config(self, config: dict[str, Any]) -> Any:
        """What the class makes of a configuration."""
        importlib.import_module("lth_keras.public")
        return self._tf_keras.saving.get_registered_object(self._key).from_config(
            config
        )
