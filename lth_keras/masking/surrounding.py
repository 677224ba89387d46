"""Which methods of tf_keras do something else for a model on masks?

Known as soon as tf_keras is there; what they do is imported when one is called.
"""

from __future__ import annotations

import importlib
from typing import Any

from lth_keras import compat


def surround_all(_: Any = None) -> None:
    """Surrounds the methods; once, when tf_keras has been imported."""
    _surround("summary", "is_wrapped", "count")
    _surround("count_params", "is_wrapped", "count")
    _surround("load_weights", "is_wrapped", "load")
    _surround("load_weights", "is_held", "load_held")


def _surround(method: str, concerns: str, do: str) -> None:
    def called(name: str) -> Any:
        def call(*args: Any) -> Any:
            methods = importlib.import_module("lth_keras.masking.keras_methods")
            return getattr(methods, name)(*args)

        return call

    compat.surround(method, called(concerns), called(do))
