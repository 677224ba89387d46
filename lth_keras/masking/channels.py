"""Which layers hand channels on? What normalises a layer's outputs, what adds them.

Of a graph of layers: a batch normalisation belongs to the layer whose channels reach it
unmixed, or to all whose sum does, and layers are joined whose channels are added to
each other's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

from lth_keras import compat


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

    normalised: dict[int, list[Any]]
    joined: list[list[Any]]


class Part(NamedTuple):
    """The layers of a graph model, those of models inside it apart.

    Attributes:
        layers: by name, in their order.
        feeds: for each name those of the layers that feed it; of what is not among
            `layers` nothing is known.
    """

    layers: dict[str, Any]
    feeds: dict[str, list[str]]


def of(parts: Iterable[Part]) -> Channels:
    """What hands channels on in a model and the models inside it.

    Args:
        parts: the model, and each of these.
    """
    found = Channels({}, [])
    for layers, feeds in parts:
        for layer in layers.values():
            if compat.is_layer(layer, _NORMALISATION):
                sources = _behind(feeds.get(layer.name, []), feeds, layers)
                # What comes from outside of a model inside the model is no layer of it.
                if sources <= set(layers):
                    own = [each for name, each in layers.items() if name in sources]
                    found.normalised[id(layer)] = own
        found.joined.extend(_joined(feeds, layers))
    return found


def _joined(feeds: dict[str, list[str]], layers: dict[str, Any]) -> list[list[Any]]:
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
    layers: dict[str, Any],
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
