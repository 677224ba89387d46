"""What follows a seed while a model is made, by whichever Keras."""

from __future__ import annotations

import contextlib
import importlib
import sys

from lth_keras.backend import beside_tensorflow
from lth_keras.compat.keras3_models import keras3_seeded


def seeded(seed: int) -> contextlib.AbstractContextManager[None]:
    """Makes random initial weights follow `seed`, then restores every generator.

    Those of Python and NumPy, which Keras 3 follows on every backend, and those of
    TensorFlow and tf_keras: unless Keras 3 is on another, and nobody has asked for
    tf_keras, for which nobody then waits.

    Args:
        seed: of all of them.
    """
    if beside_tensorflow() and "tf_keras" not in sys.modules:
        return keras3_seeded(seed)
    generators = importlib.import_module("lth_keras.compat.generators")
    found: contextlib.AbstractContextManager[None] = generators.seeded(seed)
    return found
