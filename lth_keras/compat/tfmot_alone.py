"""tfmot without Keras 3: it looks for a class of old Keras there, and finds none.

`prune_registry` tries `from keras.src.engine import base_layer`, which no Keras 3 has,
and goes on without it. What is left of the try is an import of all of Keras 3.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def imported(name: str) -> Any:
    """A module of tfmot, imported so that `keras` is not, unless it has been before.

    Args:
        name: of the module.
    """
    if "keras" in sys.modules:
        return importlib.import_module(name)
    # None makes an import of it an ImportError, which is what tfmot goes on after.
    sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules["keras"]
