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
from lth_keras.compat import keras
from lth_keras.masking import path_rules
from lth_keras.masking.network import Network
from lth_keras.masking.path_rules import Alive, Back, Masks


def effective(
    network: Network, chosen: Sequence[np.ndarray] | None = None
) -> list[np.ndarray]:
    """For each pruned weight, which of its entries lie on a path, in its shape.

    Layers without kernels of a known kind (recurrent ones, attention, functions of
    one's own) are taken to lead from each of their inputs to each of their outputs.

    Args:
        network: of a wrapped Sequential or Functional model.
        chosen: masks in the order of `network.pruned`; the present ones by default.
    """
    given = network.masks if chosen is None else [np.asarray(m, bool) for m in chosen]
    keys = [id(compat.raw_variable(w.variable)) for w in network.pruned]
    masks = Masks(dict(zip(keys, given, strict=True)))
    model = network.model
    if compat.is_functional(model) and getattr(model, "outputs", None):
        inputs = [
            np.ones(path_rules.width(tensor.shape), bool) for tensor in model.inputs
        ]
        outputs, back = _through(model, inputs, masks)
        back([np.ones_like(output) for output in outputs])
    else:
        masks.reach_all()
    return [masks.reached(key) for key in keys]


def density(network: Network, chosen: Sequence[np.ndarray] | None = None) -> float:
    """The effective density: the share of the pruned weights that lie on a path.

    Args:
        network: of a wrapped model.
        chosen: masks; the present ones by default.

    Returns:
        At most P_m, and 0.0 where no path is left; 1.0 where no weight is on a mask.
    """
    found = effective(network, chosen)
    total = sum(each.size for each in found)
    return sum(int(np.count_nonzero(each)) for each in found) / total if total else 1.0


def _through(
    model: keras.Model, inputs: Sequence[Alive], masks: Masks
) -> tuple[list[Alive], Back]:
    """What a model's inputs reach, and how to go back from its outputs."""
    names = [str(id(tensor)) for tensor in model.inputs]
    alive = dict(zip(names, inputs, strict=True))
    taken: list[tuple[compat.Call, Back]] = []
    for call in compat.calls(model):
        given = [alive[name] for name in call.inputs]
        layer = call.layer
        if isinstance(layer, keras.Model) and compat.is_functional(layer):
            made, back = _through(layer, given, masks)
        else:
            made, back = path_rules.through(layer, given, call, masks)
        alive.update(
            (name, value) for (name, _), value in zip(call.outputs, made, strict=True)
        )
        taken.append((call, back))
    ends = [str(id(tensor)) for tensor in model.outputs]

    def back_through(needed: Sequence[Alive]) -> list[Alive]:
        wanted: dict[str, Any] = {}

        def want(name: str, channels: Alive) -> None:
            wanted[name] = wanted.get(name, False) | channels

        for name, channels in zip(ends, needed, strict=True):
            want(name, channels)
        for call, back in reversed(taken):
            outputs = [
                wanted.get(name, np.zeros_like(alive[name])) for name, _ in call.outputs
            ]
            for name, channels in zip(call.inputs, back(outputs), strict=True):
                want(name, channels)
        return [wanted.get(name, np.zeros_like(alive[name])) for name in names]

    return [alive[name] for name in ends], back_through
