"""A model with weights newly drawn from its layers' initialisers."""

from __future__ import annotations

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.anew import without_seeds
from lth_keras.masking.copying import rebuilt
from lth_keras.masking.wrappers import PruneByLevel

_PREPROCESSING = keras.layers.experimental.preprocessing.PreprocessingLayer


def reinitialised(model: keras.Model, seed: int) -> keras.Model:
    """The model with weights newly drawn from its layers' initialisers.

    Seeds that were given to initialisers are disregarded: they would draw the same
    weights again. Layers that do not train keep their state: frozen ones, and
    preprocessing that was adapted to data.

    Args:
        model: a Sequential or Functional model, wrapped or not.
        seed: decides every weight; no generator outside is touched.

    Returns:
        A new, unwrapped and uncompiled model.
    """

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        source = layer.layer if isinstance(layer, PruneByLevel) else layer
        return type(source).from_config(without_seeds(source.get_config()))

    with compat.seeded(seed):
        return rebuilt(model, convert, keeps_state=keeps_state)


def keeps_state(layer: keras.layers.Layer) -> bool:
    """Whether a layer stays as it is: frozen, or preprocessing that was adapted."""
    return isinstance(layer, _PREPROCESSING) or not layer.trainable
