"""Models of Keras 3 as graphs of calls."""

from __future__ import annotations

import importlib
from typing import Any

from lth_keras.compat.keras3 import keras3, keras3_nodes
from lth_keras.compat.wiring import Call, Graph


def keras3_graph(model: Any) -> Graph | None:
    """A model as calls of layers and operations; None of one that is no graph.

    A graph of a class of the user's is one where the class leaves `call` to Keras.

    Args:
        model: built.
    """
    inner = _functional(model)
    if inner is None:
        return None
    calls = []
    for node in keras3_nodes(inner):
        given = keras3().tree.flatten((node.args, node.kwargs))
        inputs = [str(id(each)) for each in given if _is_tensor(each)]
        outputs = [(str(id(each)), each.shape) for each in node.outputs]
        calls.append(
            Call(node.operation, inputs, outputs, keras3_graph(node.operation))
        )
    return Graph(
        [(str(id(tensor)), tensor.shape) for tensor in inner.inputs],
        calls,
        [str(id(tensor)) for tensor in inner.outputs],
    )


def _functional(model: Any) -> Any:
    """The functional model that a model is, or has made of its layers; or None."""
    graphs = importlib.import_module("keras.src.models.functional").Functional
    if isinstance(model, keras3().Sequential):
        # It has made none of layers that take no Keras tensors.
        same = type(model).call is keras3().Sequential.call
        return model._functional if same else None
    same = isinstance(model, graphs) and type(model).call is graphs.call
    return model if same else None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, keras3().KerasTensor)
