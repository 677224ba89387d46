"""A model as calls of layers, whichever Keras it is of, and the kinds of its layers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from lth_keras.compat.keras3 import is_keras3, keras3


class Call(NamedTuple):
    """One call of a layer in a graph model.

    Attributes:
        layer: the layer, a model, or an operation of Keras 3 that is no layer.
        inputs: names of the tensors that it is given.
        outputs: names of those that it makes, and their shapes.
        inside: what a model that is called consists of itself; None of a layer.
    """

    layer: Any
    inputs: list[str]
    outputs: list[tuple[str, Any]]
    inside: Graph | None = None


class Graph(NamedTuple):
    """A graph model.

    Attributes:
        inputs: names of the tensors that it takes, and their shapes.
        calls: of its layers, each after those that feed it; no placeholders.
        outputs: names of the tensors that it gives.
    """

    inputs: list[tuple[str, Any]]
    calls: list[Call]
    outputs: list[str]


def is_layer(value: Any, names: Sequence[str]) -> bool:
    """Whether something is a layer of a class of its Keras, or of one below it.

    Args:
        value: a layer of tf_keras or Keras 3, or an operation of a graph.
        names: of classes in `keras.layers`; what a Keras does not have is passed over.
    """
    # Who has a layer of tf_keras has imported that.
    keras = keras3() if is_keras3(value) else sys.modules["tf_keras"]
    return isinstance(value, _classes(keras.layers, tuple(names)))


@functools.cache
def _classes(layers: Any, names: tuple[str, ...]) -> tuple[type, ...]:
    return tuple(getattr(layers, name) for name in names if hasattr(layers, name))
