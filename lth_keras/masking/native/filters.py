"""What whole filters ask of a Keras 3 model: which layers feed which, and hold what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lth_keras import compat
from lth_keras.masking import channels
from lth_keras.masking.channels import Part
from lth_keras.masking.filters_in_place import Reading, no_graph
from lth_keras.masking.native import heads
from lth_keras.masking.native.choosing import prunable
from lth_keras.masking.places import Place


def reading(model: Any) -> Reading:
    """What is read of a model.

    Raises:
        LotteryError: it is no graph of layers.
    """
    graph = compat.keras3_graph(model)
    if graph is None:
        raise no_graph(model)
    within: dict[int, Any] = {}
    for leaf in _called(graph):
        for layer in compat.keras3_layers_within(leaf):
            within.setdefault(id(layer), leaf)
    return Reading(
        within,
        {id(layer) for layer in heads.last(model)},
        channels.of(_parts(model, graph, {})),
        _kernels,
        _vectors,
        id,
    )


def _kernels(layer: Any) -> list[Place]:
    found = prunable(layer)
    return [Place(owner, kernel.name, kernel) for kernel, owner, _ in found]


def _vectors(layer: Any, names: Sequence[str]) -> list[Place]:
    own = (v for part in compat.keras3_own_weights(layer) for v in part)
    return [
        Place(layer, v.name, v) for v in own if v.name in names and len(v.shape) == 1
    ]


def _called(graph: compat.Graph) -> Iterator[Any]:
    for call in graph.calls:
        if call.inside is not None:
            yield from _called(call.inside)
        elif compat.is_keras3_layer(call.layer):
            yield call.layer


def _parts(model: Any, graph: compat.Graph, found: dict[int, Part]) -> Iterable[Part]:
    """A model and those inside it, each once."""
    # What comes into a model stands in for itself: it is no layer that loses filters.
    makers = {tensor: tensor for tensor, _ in graph.inputs}
    layers = dict.fromkeys(makers, model)
    feeds: dict[str, list[str]] = {}
    found[id(model)] = Part(layers, feeds)
    for call in graph.calls:
        name = call.layer.name
        layers[name] = call.layer
        feeds.setdefault(name, []).extend(makers[tensor] for tensor in call.inputs)
        makers.update((tensor, name) for tensor, _ in call.outputs)
        if call.inside is not None and id(call.layer) not in found:
            _parts(call.layer, call.inside, found)
    return found.values()
