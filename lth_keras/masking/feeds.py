"""Which layers of a tf_keras model feed which?"""

from __future__ import annotations

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.channels import Part


def parts(model: keras.Model) -> list[Part]:
    """A Sequential or Functional model, and those inside it.

    Of an unbuilt Sequential too: its layers follow one another.
    """
    return [
        Part({layer.name: layer for layer in part.layers}, _feeds(part))
        for part in compat.layers_within(model)
        if isinstance(part, keras.Model) and compat.is_functional(part)
    ]


def _feeds(model: keras.Model) -> dict[str, list[str]]:
    if isinstance(model, keras.Sequential):
        names = [layer.name for layer in model.layers]
        return {name: [names[i - 1]] if i else [] for i, name in enumerate(names)}
    return compat.producers(model)
