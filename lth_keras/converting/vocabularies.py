"""What a layer has learned by `adapt`, and keeps in no weight: its words."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.compat import keras


def copy(source: Any, made: keras.layers.Layer) -> None:
    """Gives a tf_keras layer the vocabulary of its twin, before it is called.

    Args:
        source: any layer of Keras 3; one without a vocabulary is passed over.
        made: that of tf_keras.
    """
    if not (hasattr(source, "get_vocabulary") and hasattr(made, "set_vocabulary")):
        return
    words = list(source.get_vocabulary(include_special_tokens=False))
    if not words:
        return
    frequencies = compat.keras3_idf_weights(source)
    if frequencies is None:
        made.set_vocabulary(words)
        return
    first = len(source.get_vocabulary()) - len(words)
    made.set_vocabulary(words, idf_weights=frequencies[first : first + len(words)])
