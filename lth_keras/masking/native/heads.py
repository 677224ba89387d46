"""The head of a Keras 3 model: the last layers with a kernel before its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.native.choosing import prunable
from lth_keras.masking.weight import Weight


def places(model: Any, weights: Sequence[Weight]) -> set[int]:
    """Positions of the weights of a model's head.

    Args:
        model: Sequential or Functional; such models in it are looked into.
        weights: all of the model.

    Raises:
        LotteryError: the model is no graph of layers.
    """
    if not _is_graph(model):
        raise LotteryError(
            f"{type(model).__name__} is a subclassed model, of which nobody knows what "
            "its last layers are: build it as a Functional model."
        )
    keys = {id(v) for layer in last(model) for v in layer.weights}
    return {index for index, weight in enumerate(weights) if weight.key in keys}


def outputs(model: Any) -> list[Any]:
    """The layers that the outputs of a model come from, in models within it too.

    Args:
        model: Sequential or Functional; of another nothing is known.
    """
    if isinstance(model, compat.keras3().Sequential):
        found = [model.layers[-1]]
    elif _is_graph(model):
        found = [compat.keras3_producer(tensor) for tensor in model.outputs]
    else:
        return []
    each = {id(layer): layer for layer in found}.values()
    inside = [outputs(layer) if _is_graph(layer) else [layer] for layer in each]
    return [layer for layers in inside for layer in layers]


def last(model: Any) -> list[Any]:
    """The last layers with a kernel before each output.

    Args:
        model: Sequential or Functional; such models in it are looked into.
    """
    if isinstance(model, compat.keras3().Sequential):
        within = (_within(layer) for layer in reversed(model.layers))
        return next((found for found in within if found), [])
    feeds: dict[int, list[Any]] = {}
    flatten = compat.keras3().tree.flatten
    for node in compat.keras3_nodes(model):
        given = [t for t in flatten((node.args, node.kwargs)) if _is_tensor(t)]
        before = feeds.setdefault(id(node.operation), [])
        before.extend(compat.keras3_producer(tensor) for tensor in given)
    pending = [compat.keras3_producer(tensor) for tensor in model.outputs]
    found, seen = [], set()
    while pending:
        operation = pending.pop()
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        here = _within(operation) if compat.is_keras3_layer(operation) else []
        found += here
        if not here:
            pending += feeds.get(id(operation), [])
    return found


def _within(layer: Any) -> list[Any]:
    if _is_graph(layer):
        return last(layer)
    return [layer] if prunable(layer) else []


def _is_graph(layer: Any) -> bool:
    sequential = isinstance(layer, compat.keras3().Sequential)
    return sequential or compat.keras3_graph(layer) is not None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, compat.keras3().KerasTensor)
