"""A variable's memory, read where it is."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import tf_keras as keras
from tensorflow.python.ops.resource_variable_ops import ResourceVariable


def view(variable: Any) -> np.ndarray:
    """A variable's value to be read at once, without a copy of it where that can be.

    It is read-only, and not to be kept: a train step that finds it held copies the
    weight before it writes.
    """
    # A variable of several devices, for one, has no memory of its own.
    if type(variable) is ResourceVariable:
        # Where NumPy has no name for what is in it, such as bfloat16.
        with contextlib.suppress(BufferError, TypeError, ValueError):
            return np.asarray(memoryview(variable.read_value()))
    return np.asarray(keras.backend.get_value(variable))
