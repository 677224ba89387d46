"""A model with weights newly drawn from its layers' initialisers."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
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


def without_seeds(config: Any) -> Any:
    """A layer's configuration whose initialisers follow the seed that is set."""
    if isinstance(config, dict):
        return {
            key: None if key == "seed" else without_seeds(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [without_seeds(value) for value in config]
    return config
