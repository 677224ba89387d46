"""Which layers hand channels on? What normalises a layer's outputs, what adds them.

Of a graph of layers: a batch normalisation belongs to the layer whose channels reach it
unmixed, or to all whose sum does, and layers are joined whose channels are added to
each other's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from lth_keras import compat
from lth_keras.compat import keras


def _classes(names: str, ranks: str) -> tuple[str, ...]:
    return tuple(f"{name}{rank}D" for name in names.split() for rank in ranks)


_NORMALISATION = ("BatchNormalization",)
# Each channel of the output depends on the same one of the input.
PASSING = (
    *_NORMALISATION,
    *("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU"),
    *("Dropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization"),
    *_classes("SpatialDropout MaxPooling AveragePooling", "123"),
    *_classes("GlobalMaxPooling GlobalAveragePooling", "123"),
    *_classes("Cropping UpSampling ZeroPadding", "123"),
)
JOINING = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")


@dataclasses.dataclass(frozen=True)
class Channels:
    """What is known of the channels of a model's layers.

    Attributes:
        normalised: for each batch normalisation, by identity, the layer whose
            channels it has; where they are added before it, all layers of the sum.
        joined: sets of layers whose channels are added to each other's, models inside
            the model apart; layers without weights among them stand for what cannot
            be pruned.
    """

    normalised: dict[int, list[keras.layers.Layer]]
    joined: list[list[keras.layers.Layer]]


def of(model: keras.Model) -> Channels:
    """What hands channels on in a Sequential or Functional model.

    Of an unbuilt Sequential too: its layers follow one another.
    """
    found = Channels({}, [])
    for part in _graphs(model):
        feeds = _feeds(part)
        layers = {layer.name: layer for layer in part.layers}
        for layer in part.layers:
            if compat.is_layer(layer, _NORMALISATION):
                sources = _behind(feeds.get(layer.name, []), feeds, layers)
                # What comes from outside of a model inside the model is no layer of it.
                if sources <= set(layers):
                    own = [each for name, each in layers.items() if name in sources]
                    found.normalised[id(layer)] = own
        found.joined.extend(_joined(feeds, layers))
    return found


def _graphs(model: keras.Model) -> list[keras.Model]:
    return [
        part
        for part in compat.layers_within(model)
        if isinstance(part, keras.Model) and compat.is_functional(part)
    ]


def _feeds(model: keras.Model) -> dict[str, list[str]]:
    if isinstance(model, keras.Sequential):
        names = [layer.name for layer in model.layers]
        return {name: [names[i - 1]] if i else [] for i, name in enumerate(names)}
    return compat.producers(model)


def _joined(
    feeds: dict[str, list[str]], layers: dict[str, keras.layers.Layer]
) -> list[list[keras.layers.Layer]]:
    """The layers behind each sum; sums that have one in common are one."""
    groups: list[set[str]] = []
    for name, layer in layers.items():
        if compat.is_layer(layer, JOINING):
            found = _behind(feeds.get(name, []), feeds, layers)
            apart = [group for group in groups if not group & found]
            met = [group for group in groups if group & found]
            groups = [*apart, found.union(*met)]
    return [
        [layer for name, layer in layers.items() if name in group] for group in groups
    ]


def _behind(
    names: Iterable[str],
    feeds: dict[str, list[str]],
    layers: dict[str, keras.layers.Layer],
) -> set[str]:
    """The layers whose channels reach these, each with the same number."""
    found: set[str] = set()
    pending, seen = list(names), set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in layers and compat.is_layer(layers[name], (*PASSING, *JOINING)):
            pending.extend(feeds.get(name, []))
        else:
            found.add(name)
    return found
