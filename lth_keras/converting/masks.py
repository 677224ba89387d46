"""Masks of time steps: which a tf_keras layer finds by itself, and which it is given.

Keras 3 writes the mask that a tensor brings along into the call that gets it, and the
operations that made it into the graph. tf_keras keeps it beside the tensor: there such
an argument, and what only it needs, are left out.
"""

from __future__ import annotations

import inspect
from typing import Any

from lth_keras import compat
from lth_keras.compat import Node


def found_by_itself(node: Node, name: str) -> bool:
    """Whether an argument is the mask that Keras 3 read off another argument.

    Args:
        node: a call of a layer.
        name: of the argument: mask, or that of the masked one with _mask behind it.
    """
    if not name.endswith("mask") or node.kwargs[name] is None:
        return False
    keras3 = compat.keras3()
    flat = keras3.tree.flatten(node.kwargs[name])
    read = keras3.tree.map_structure(compat.keras3_mask, _masked(node, name))
    return [id(m) for m in flat] == [id(m) for m in keras3.tree.flatten(read)]


def _masked(node: Node, name: str) -> Any:
    """The argument that a mask is of."""
    if name == "mask":
        return node.args[0] if node.args else next(iter(node.kwargs.values()))
    parameters = list(inspect.signature(node.operation.call).parameters)
    given = dict(zip(parameters, node.args, strict=False))
    return {**given, **node.kwargs}.get(name.removesuffix("_mask"))


def given_by_name(node: Node) -> dict[str, Any]:
    """The arguments by name that a tf_keras layer is given too.

    Without `training`: in Keras 3 what `fit` and `predict` say takes its place, also
    where a call in the graph says otherwise.
    """
    return {
        name: value
        for name, value in node.kwargs.items()
        if name != "training" and value is not None and not found_by_itself(node, name)
    }


def needed(nodes: list[Node], outputs: list[Any]) -> list[Node]:
    """The calls whose results are used, once what masks are made of is left out.

    Args:
        nodes: all calls, each after those that feed it.
        outputs: the tensors that the model gives.
    """
    keras3 = compat.keras3()
    wanted = {id(tensor) for tensor in outputs}
    found = []
    for node in reversed(nodes):
        layer = compat.is_keras3_layer(node.operation)
        if not layer and not any(id(tensor) in wanted for tensor in node.outputs):
            continue
        kwargs = given_by_name(node) if layer else node.kwargs
        wanted |= {id(t) for t in keras3.tree.flatten((node.args, kwargs))}
        found.append(node)
    return found[::-1]
