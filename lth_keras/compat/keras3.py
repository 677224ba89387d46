"""Keras 3: imported when a model of it is met, and its private names.

Nothing of the package needs Keras 3 to be imported, and with it a second backend, until
somebody brings a model of it.
"""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any, NamedTuple

from lth_keras.errors import LotteryError

_INSTALL = "pip install 'keras>=3.12,<4'"
# The package is installed from a checkout, whose extras they are.
_BACKENDS = "pip install '.[keras3-jax]' or '.[keras3-torch]'"


def keras3() -> Any:
    """The module `keras`, of version 3.

    Raises:
        LotteryError: it is not installed, or is Keras 2, or its backend is not there.
    """
    try:
        module = importlib.import_module("keras")
    except (ImportError, ValueError) as error:
        if getattr(error, "name", None) == "keras":
            text = f"Keras 3 is not installed ({error}): {_INSTALL}"
        else:
            text = (
                f"Keras 3 does not find its backend ({error}): "
                "KERAS_BACKEND is tensorflow, jax or torch; the last two come with "
                f"{_BACKENDS}."
            )
        raise LotteryError(text) from error
    if int(module.__version__.partition(".")[0]) < 3:
        raise LotteryError(f"keras is of version {module.__version__}: {_INSTALL}")
    return module


def is_keras3(value: Any) -> bool:
    """Whether something is of a class of Keras 3, or of one below such a class."""
    return any(
        base.__module__.partition(".")[0] == "keras" for base in type(value).__mro__
    )


def is_keras3_model(value: Any) -> bool:
    """Whether something is a model of Keras 3."""
    return is_keras3(value) and isinstance(value, keras3().Model)


def is_loss(value: Any, kind: str = "Loss") -> bool:
    """Whether something is a loss of a class of either Keras, or of one below it.

    Args:
        value: anything.
        kind: the class, by its name.
    """
    # Who has one of tf_keras has imported that.
    keras = keras3() if is_keras3(value) else sys.modules.get("tf_keras")
    return keras is not None and isinstance(value, getattr(keras.losses, kind))


def is_keras3_layer(value: Any) -> bool:
    """Whether an operation of a graph is a layer, not one of `keras.ops`."""
    return isinstance(value, keras3().layers.Layer)


def is_keras3_own(layer: Any) -> bool:
    """Whether a layer's class comes from Keras 3 itself."""
    return type(layer).__module__.partition(".")[0] == "keras"


class Node(NamedTuple):
    """One call in the graph of a Keras 3 model.

    Attributes:
        operation: the layer, the model or the operation that was called.
        args: what it was given by position; Keras tensors stand in any structure.
        kwargs: what it was given by name.
        outputs: the Keras tensors that it gave, flat.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[Any]


def is_keras3_functional(model: Any) -> bool:
    """Whether a model is a plain graph of calls, without a class of the user's."""
    return type(model).__name__ == "Functional" and is_keras3_own(model)


def keras3_nodes(model: Any) -> list[Node]:
    """The calls of a functional model, each after those that feed it; no inputs."""
    depths = model._nodes_by_depth
    return [
        Node(
            node.operation,
            tuple(node.arguments.args),
            dict(node.arguments.kwargs),
            list(node.outputs),
        )
        for depth in sorted(depths, reverse=True)
        for node in depths[depth]
        if not node.is_input and not _is_entry(model, node)
    ]


def keras3_structures(model: Any) -> tuple[Any, Any]:
    """The Keras tensors that a functional model takes and gives, as it was written."""
    return model._inputs_struct, model._outputs_struct


def keras3_producer(tensor: Any) -> Any:
    """The operation that gave a Keras tensor; of an input its placeholder."""
    return tensor._keras_history.operation


def keras3_mask(tensor: Any) -> Any:
    """The mask that a Keras tensor brings along by itself, or None."""
    return getattr(tensor, "_keras_mask", None)


def keras3_own_variables(layer: Any) -> list[Any]:
    """The weights that a layer made itself: no seeds, metrics or recurrent states."""
    found = [*layer._trainable_variables, *layer._non_trainable_variables]
    return [v for v in found if v.name != "rnn_state"]


def keras3_frozen_alone(layer: Any) -> list[str]:
    """Names of weights that are frozen, of a layer that trains."""
    held = layer._trainable_variables if layer.trainable else ()
    return [v.name for v in held if not v.trainable]


def keras3_inner_layers(layer: Any) -> list[Any]:
    """The layers that a layer holds, in the order in which it was given them."""
    return list(layer._layers)


def keras3_idf_weights(layer: Any) -> Any:
    """Inverse document frequencies of a layer with a vocabulary, padded; or None."""
    lookup = getattr(layer, "_lookup_layer", layer)
    known = getattr(lookup, "idf_weights", None)
    return None if known is None else known.numpy()


def keras3_compiled(model: Any) -> dict[str, Any]:
    """What `compile` was given, by its argument's name; empty if it was not called."""
    held = getattr(model, "_compile_config", None)
    return dict(held.config) if model.compiled and held is not None else {}


def keras3_spares_weights(optimizer: Any) -> bool:
    """Whether an optimizer was told to decay some weights only."""
    spared = getattr(optimizer, "_exclude_from_weight_decay", None)
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return bool(spared) or pattern is not None


def keras3_bytes_per_example(model: Any) -> float | None:
    """What all tensors of a functional model take together, of one example.

    No less than what is alive at a time, but for what a layer makes inside. None of
    a model without a graph, or with a dimension that is open.
    """
    inner = getattr(model, "_functional", None) or model
    if not hasattr(inner, "_nodes_by_depth"):
        return None
    nodes = [node for nodes in inner._nodes_by_depth.values() for node in nodes]
    shapes = [t.shape[1:] for node in nodes for t in node.outputs]
    if any(size is None for shape in shapes for size in shape):
        return None
    return 4.0 * sum(math.prod(shape) for shape in shapes)


def _is_entry(model: Any, node: Any) -> bool:
    """Whether all that a call gives are inputs of the model."""
    entries = {id(tensor) for tensor in model.inputs}
    return all(id(tensor) in entries for tensor in node.outputs)
