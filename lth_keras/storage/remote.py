"""TensorFlow's file systems (gs://, ram://), imported when a remote path first asks.

Local paths need NumPy alone, and so do what reads them.
"""

from __future__ import annotations

import sys
from typing import Any


def gfile() -> Any:
    """`tf.io.gfile`."""
    import tensorflow as tf

    return tf.io.gfile


def is_error(error: BaseException) -> bool:
    """Whether TensorFlow's file systems raised it (`tf.errors.OpError`)."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(error, tensorflow.errors.OpError)


def is_unknown_scheme(error: BaseException) -> bool:
    """Whether it says that there is no file system of what stands before ``://``."""
    return type(error).__name__ == "UnimplementedError" and "scheme" in str(error)


def remove_quietly(path: str) -> None:
    """Removes a remote file if that is possible."""
    try:
        gfile().remove(path)
    except Exception as error:
        if not is_error(error):
            raise
