"""Which weights lie on a path from input to output? The effective density.

Where whole filters go, the weights that read them in the next layer compute nothing any
more, though their masks keep them: P_m counts them, the effective density does not. A
path leads through kept weights only; biases begin none.

    found = paths.effective(Network.of(model))     # per pruned weight, booleans
    paths.density(Network.of(model))               # their share, in [0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.masking import path_rules
from lth_keras.masking.network import Network
from lth_keras.masking.path_rules import Alive, Back, Masks


def effective(
    network: Network, chosen: Sequence[np.ndarray] | None = None
) -> list[np.ndarray] | None:
    """For each pruned weight, which of its entries lie on a path, in its shape.

    Layers without kernels of a known kind (recurrent ones, attention, functions of
    one's own) are taken to lead from each of their inputs to each of their outputs. So
    is a whole tf_keras model that is written as a class.

    Args:
        network: of a model on masks.
        chosen: masks in the order of `network.pruned`; the present ones by default.

    Returns:
        A boolean array a weight; None of a Keras 3 model that is no graph of layers.
    """
    graph = network.graph
    if graph is None:
        return None
    given = network.masks if chosen is None else [np.asarray(m, bool) for m in chosen]
    keys = [weight.key for weight in network.pruned]
    masks = Masks(dict(zip(keys, given, strict=True)), network.key_of)
    inputs = [np.ones(path_rules.width(shape), bool) for _, shape in graph.inputs]
    outputs, back = _through(graph, inputs, masks)
    back([np.ones_like(output) for output in outputs])
    # A `train_step` may call layers that the graph does not.
    layers = [call.layer for call in graph.calls]
    called = {network.key_of(v) for x in layers for v in getattr(x, "weights", ())}
    masks.reach_all(w.variable for w in network.pruned if w.key not in called)
    return [masks.reached(key) for key in keys]


def density(
    network: Network, chosen: Sequence[np.ndarray] | None = None
) -> float | None:
    """The effective density: the share of the pruned weights that lie on a path.

    Args:
        network: of a model on masks.
        chosen: masks; the present ones by default.

    Returns:
        At most P_m, and 0.0 where no path is left; 1.0 where no weight is on a mask;
        None of a Keras 3 model that is no graph of layers.
    """
    if (found := effective(network, chosen)) is None:
        return None
    total = sum(each.size for each in found)
    return sum(int(np.count_nonzero(each)) for each in found) / total if total else 1.0


def shares(network: Network) -> dict[int, float]:
    """Of each pruned weight the share of entries on a path, by its key.

    Args:
        network: of a model on masks.

    Returns:
        Empty where `effective` finds none.
    """
    pairs = zip(network.pruned, effective(network) or (), strict=False)
    return {weight.key: float(np.mean(found)) for weight, found in pairs}


def _through(
    graph: compat.Graph, inputs: Sequence[Alive], masks: Masks
) -> tuple[list[Alive], Back]:
    """What a model's inputs reach, and how to go back from its outputs."""
    names = [name for name, _ in graph.inputs]
    alive = dict(zip(names, inputs, strict=True))
    taken: list[tuple[compat.Call, Back]] = []
    for call in graph.calls:
        given = [alive[name] for name in call.inputs]
        if call.inside is not None:
            made, back = _through(call.inside, given, masks)
        else:
            made, back = path_rules.through(given, call, masks)
        alive.update(
            (name, value) for (name, _), value in zip(call.outputs, made, strict=True)
        )
        taken.append((call, back))

    def back_through(needed: Sequence[Alive]) -> list[Alive]:
        wanted: dict[str, Any] = {}

        def want(name: str, channels: Alive) -> None:
            wanted[name] = wanted.get(name, False) | channels

        for name, channels in zip(graph.outputs, needed, strict=True):
            want(name, channels)
        for call, back in reversed(taken):
            outputs = [
                wanted.get(name, np.zeros_like(alive[name])) for name, _ in call.outputs
            ]
            for name, channels in zip(call.inputs, back(outputs), strict=True):
                want(name, channels)
        return [wanted.get(name, np.zeros_like(alive[name])) for name in names]

    return [alive[name] for name in graph.outputs], back_through
