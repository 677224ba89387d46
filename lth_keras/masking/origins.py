"""Which dense network was a smaller one made from? Known for as long as both live.

    remember(small, original)
    original_of(small)          # the original; None of a model that was made otherwise

What is said of the smaller network, as by its exports, is said beside the original.
"""

from __future__ import annotations

import weakref

from lth_keras.compat import keras

# By the smaller model, so that it takes its original along when it goes.
_ORIGINALS: weakref.WeakKeyDictionary[keras.Model, keras.Model] = (
    weakref.WeakKeyDictionary()
)


def remember(small: keras.Model, original: keras.Model) -> None:
    """Keeps a model alive for as long as the smaller one made from it lives.

    Args:
        small: the smaller model; nothing of it may be part of `original`.
        original: what it computes the same as.
    """
    _ORIGINALS[small] = original


def original_of(model: keras.Model) -> keras.Model | None:
    """The network that a model was made from by leaving parts out, if it was."""
    return _ORIGINALS.get(model)
