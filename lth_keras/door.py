"""Which Keras `tf.keras` is: chosen before anything else of the package is imported."""

from __future__ import annotations

import os
import sys
import warnings

from lth_keras import backend


def choose_tf_keras() -> None:
    """Lets `tf.keras` be tf_keras, unless the environment says otherwise.

    tfmot works on Keras 2 only, and TensorFlow decides at its import which one it has:
    where it was imported before and has Keras 3, a warning says what to do. Whoever
    has imported tf_keras by name knows, and is not warned. Where Keras 3 is on JAX or
    torch nothing is chosen: TensorFlow, which only reads data there, would import
    tf_keras.
    """
    if backend.beside_tensorflow():
        return
    chosen = "TF_USE_LEGACY_KERAS" in os.environ
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if not chosen and "tensorflow" in sys.modules and "tf_keras" not in sys.modules:
        warnings.warn(
            "TensorFlow was imported before lth_keras, and its tf.keras is Keras 3: "
            "lth.hold takes models of it as they are; lth.wrap converts them, and its "
            "callbacks and layers do not go with what comes out. Import lth_keras "
            "first, or use `import tf_keras as keras`.",
            # The line that imports the package.
            stacklevel=3,
        )
