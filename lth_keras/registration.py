"""Registers the package's Keras classes as soon as tf_keras is there to ask for them.

A file of a model names our classes, and `load_model` must find them after a mere
`import lth_keras`, which imports neither TensorFlow nor tf_keras. So the hosts' imports
are waited for, in whatever order they come.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import wrapt

# Each imports others of them; only when the outermost is whole can they be used.
_HOSTS = ("tensorflow", "tf_keras", "tensorflow_model_optimization")


def when_hosts_are_there() -> None:
    """Registers now if tf_keras is imported already, else when it has been."""
    for host in _HOSTS:
        wrapt.when_imported(host)(_register)


def _register(host: Any) -> None:
    # A host that is not whole calls here at its end. A module of ours that is not
    # whole is on its way to the classes, and must not be met half-way.
    others = [n for n in list(sys.modules) if n in _HOSTS or n.startswith("lth_keras.")]
    beginning = any(_is_beginning(name) for name in others if name != host.__name__)
    if "tf_keras" in sys.modules and not beginning:
        importlib.import_module("lth_keras.public")


def _is_beginning(name: str) -> bool:
    """Whether a module is being imported at this moment."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
