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
_CLASSES = {
    "HoldByScore": "lth_keras.masking.scored",
    "IterativePruning": "lth_keras.masking.schedules",
    "LinearWarmup": "lth_keras.training.learning_rates",
    "PruneByLevel": "lth_keras.masking.wrappers",
    "RMSNormalization": "lth_keras.converting.stand_ins",
}
# Activations, which models hold themselves.
_FUNCTIONS = dict.fromkeys(
    (
        *("celu", "glu", "hard_shrink", "hard_sigmoid_of_keras3", "hard_silu"),
        *("hard_tanh", "log_sigmoid", "soft_shrink", "sparse_plus", "sparse_sigmoid"),
        *("squareplus", "tanh_shrink"),
    ),
    "lth_keras.converting.activations",
)


def when_tf_keras_is_there() -> None:
    """Registers now if tf_keras is imported already, else when it has been."""
    wrapt.when_imported("tf_keras")(_register)


def _register(tf_keras: Any) -> None:
    known = tf_keras.saving.get_custom_objects()
    for name, module in _CLASSES.items():
        known.setdefault(f"{_PACKAGE}>{name}", _StandIn(name, module))
    for name, module in _FUNCTIONS.items():
        known.setdefault(f"{_PACKAGE}>{name}", _stand_in(name, module))


def _stand_in(name: str, module: str) -> Any:
    """A function like one of ours, by whose name and place files find that."""

    def function(x: Any) -> Any:
        return getattr(importlib.import_module(module), name)(x)

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    return function


class _StandIn:
    """A class of ours that has not been imported yet."""

    def __init__(self, name: str, module: str):
        self._name, self._module = name, module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """An object of the class."""
        return self._found()(*args, **kwargs)

    def from_config(self, config: dict[str, Any]) -> Any:
        """What the class makes of a configuration."""
        return self._found().from_config(config)

    def _found(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)
