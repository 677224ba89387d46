"""One copy of a large array, for NumPy and for TensorFlow.

images = aligned((60_000, 32, 32, 3), np.float32)
...
tensor = shared(images)          # reads the same memory
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

# TensorFlow copies what begins elsewhere.
_ALIGNMENT = 64


def aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array, not filled, that begins where TensorFlow can read it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    held = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -held.ctypes.data % _ALIGNMENT
    return held[begin : begin + size].view(dtype).reshape(shape)


def shared(array: np.ndarray) -> tf.Tensor:
    """A tensor of an array, in its memory where that is `aligned`; a copy elsewhere.

    Args:
        array: it must not be written to any more.
    """
    writeable = array.flags.writeable and array.flags.c_contiguous
    if not writeable or array.ctypes.data % _ALIGNMENT or not array.size:
        with tf.device("CPU:0"):
            return tf.convert_to_tensor(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
