"""The head of a model: the last layers of some kind before its outputs."""

from __future__ import annotations

from collections.abc import Callable

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.masking import kinds
from lth_keras.masking.network import Network

Wanted = Callable[[keras.layers.Layer], bool]


def last(model: keras.Model, wanted: Wanted) -> set[int]:
    """Identities of the last layers of a kind before each output of a model.

    Args:
        model: Sequential or Functional; models in it are looked into.
        wanted: whether a layer is of the kind.
    """

    def within(layer: keras.layers.Layer) -> set[int]:
        if isinstance(layer, keras.Model) and compat.is_functional(layer):
            return last(layer, wanted)
        return {id(layer)} if wanted(layer) else set()

    if isinstance(model, keras.Sequential):
        return next(
            (found for x in reversed(model.layers) if (found := within(x))), set()
        )
    feeds = compat.producers(model)
    by_name = {layer.name: layer for layer in model.layers}
    found, seen = set(), set()
    pending = list(compat.output_names(model))
    while pending:
        name = pending.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        here = within(by_name[name])
        found |= here
        if not here:
            pending.extend(feeds.get(name, ()))
    return found


def places(network: Network) -> set[int]:
    """Positions of the weights of a model's head: its last layers with a kernel.

    Raises:
        LotteryError: the model is no graph of layers.
    """
    model = network.model
    if not compat.is_functional(model):
        raise LotteryError(
            f"{type(model).__name__} is a subclassed model, of which nobody knows what "
            "its last layers are: build it as a Functional model."
        )
    found = last(model, _has_kernel)
    keys = {
        id(compat.raw_variable(variable))
        for layer in compat.layers_within(model)
        if id(layer) in found
        for variable in layer.weights
    }
    return {
        index
        for index, weight in enumerate(network.weights)
        if id(compat.raw_variable(weight.variable)) in keys
    }


def _has_kernel(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, PruneLowMagnitude) or kinds.supports(layer)
