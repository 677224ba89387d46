"""Which backend does Keras 3 have in this process? Told without importing it."""

from __future__ import annotations

import os
import sys


def beside_tensorflow() -> str:
    """The backend of Keras 3 where it is not TensorFlow: "jax", "torch", or "".

    That which was imported decides, and before it what KERAS_BACKEND asks for.
    """
    keras = sys.modules.get("keras")
    # Not there yet while Keras is being imported.
    asked = getattr(getattr(keras, "config", None), "backend", None)
    found = asked() if asked else os.environ.get("KERAS_BACKEND", "")
    return str(found) if found in ("jax", "torch") else ""
