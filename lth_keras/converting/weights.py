"""Which weight of a Keras 3 layer is which of its tf_keras twin, and their values.

Both Keras list the weights of a layer with layers inside in an order of their own, so
the two are gone through side by side, and each weight has to have its twin's name and
shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError

# Layers and models of Keras 3, each with that of tf_keras.
Pairs = Sequence[tuple[Any, keras.layers.Layer]]
# Names that one weight has in Keras 3 and in tf_keras.
_NAMES = {"kernel": "depthwise_kernel", "variable": "gamma", "vector_u": "sn_u"}


class Twins(NamedTuple):
    """A weight in both.

    Attributes:
        source: the variable of Keras 3.
        made: that of tf_keras.
    """

    source: Any
    made: Any


def twins(pairs: Pairs) -> list[Twins]:
    """The weights of layers in both.

    Args:
        pairs: layers and models of Keras 3, each with that of tf_keras; a layer inside
            another has a pair of its own, or is gone through with that.

    Raises:
        LotteryError: names the first weight without a twin.
    """
    alone = {id(layer) for pair in pairs for layer in pair}
    found = []
    for source, made in pairs:
        ours = [v for h in _holders3(source, alone) for v in own3(h)]
        theirs = [v for h in _holders2(made, alone) for v in own2(h)]
        found += _matched(source, ours, theirs)
    return found


def read(source: Any) -> np.ndarray:
    """The value of a variable of Keras 3, on any backend."""
    return np.asarray(compat.keras3().ops.convert_to_numpy(source))


def copy_trainable(pairs: Pairs) -> None:
    """Freezes what is frozen, of the layers inside too.

    Raises:
        LotteryError: single weights of a layer are frozen, which tf_keras cannot do.
    """
    alone = {id(layer) for pair in pairs for layer in pair}
    for source, made in pairs:
        compat.copy_trainable_flag(source, made)
        held = zip(_holders3(source, alone), _holders2(made, alone), strict=False)
        for ours, theirs in held:
            compat.copy_trainable_flag(ours, theirs)
            if frozen := compat.keras3_frozen_alone(ours):
                raise LotteryError(
                    f"layer {source.name!r}: its weight {frozen[0]!r} is frozen and "
                    "the layer is not, which tf_keras cannot do: set trainable of the "
                    "layer."
                )


def _matched(source: Any, ours: list[Any], theirs: list[Any]) -> list[Twins]:
    own = compat.is_keras3_own(source)
    for index in range(max(len(ours), len(theirs))):
        first, second = ours[index : index + 1], theirs[index : index + 1]
        if first and second and tuple(first[0].shape) == tuple(second[0].shape):
            known = first[0].name
            if not own or _last(second[0].name) in (known, _NAMES.get(known)):
                continue
        raise LotteryError(
            f"layer {source.name!r} ({type(source).__name__}): its weight {index} is "
            f"{_told(first)} in Keras 3 and {_told(second)} in tf_keras: a class in "
            "custom_objects makes the same weights in the same order."
        )
    return [Twins(a, b) for a, b in zip(ours, theirs, strict=True)]


def own3(layer: Any) -> list[Any]:
    """The weights that a layer of Keras 3 made itself."""
    return compat.keras3_own_variables(layer)


def own2(layer: keras.layers.Layer) -> list[Any]:
    """Those that one of tf_keras made; tables of a vocabulary are no weights."""
    found = compat.own_variables(layer)
    return [] if hasattr(layer, "get_vocabulary") else found


def _holders3(source: Any, alone: set[int]) -> Iterator[Any]:
    """The layer, and those inside it, that made weights of their own."""
    if own3(source):
        yield source
    for inner in compat.keras3_inner_layers(source):
        if id(inner) not in alone:
            yield from _holders3(inner, alone)


def _holders2(
    made: keras.layers.Layer, alone: set[int]
) -> Iterator[keras.layers.Layer]:
    if own2(made):
        yield made
    for inner in compat.layers_directly_inside(made):
        if id(inner) not in alone:
            yield from _holders2(inner, alone)


def _last(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]


def _told(found: list[Any]) -> str:
    return f"{_last(found[0].name)} {tuple(found[0].shape)}" if found else "missing"


def raw(made: Any) -> np.ndarray:
    """The value of a tf_keras weight, below what reads it in another precision."""
    return np.asarray(compat.raw_variable(made).numpy())
