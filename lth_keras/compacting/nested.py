"""Models inside a model, replaced by their layers, so that `compact` sees them all.

flat = flattened(model)              # the same layers, in one graph
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compacting.graph import Call, calls
from lth_keras.compat import keras


def flattened(model: keras.Model) -> keras.Model:
    """The model as one graph of layers, or itself where no model is inside it.

    Args:
        model: Sequential or Functional, and nobody else's: its layers become those of
            the result, and get other names where two of them would have the same.

    Returns:
        A Functional model of the same inputs, outputs and names of outputs. Models
        inside that are subclassed, or called with more than tensors, stay.
    """
    if not any(_opens(call) for call in calls(model)):
        return model
    ends = list(model.output_names)
    outputs = _called(model, {id(tensor): tensor for tensor in model.inputs})
    _name_apart(model, ends)
    made = [
        # The output went by the name of the model inside that made it.
        keras.layers.Activation("linear", name=name, dtype=tensor.dtype)(tensor)
        if _is_nested(old.node.layer)
        else tensor
        for name, old, tensor in zip(ends, model.outputs, outputs, strict=True)
    ]
    packed = tf.nest.pack_sequence_as(model.output, made)
    return keras.Model(model.input, packed, name=model.name)


def _called(model: keras.Model, tensors: dict[int, Any]) -> list[Any]:
    """The layers of a model and of models inside it, called one by one.

    Args:
        model: the model.
        tensors: what stands for each of its inputs, by the input's identity; what
            stands for the others is added.

    Returns:
        What stands for its outputs.
    """
    for call in calls(model):
        if not call.inputs:
            continue
        if _opens(call):
            inner: Any = call.layer
            given = tf.nest.flatten(call.node.call_args[0])
            ends = tf.nest.flatten(inner.input)
            within = {
                id(end): tensors[id(tensor)]
                for end, tensor in zip(ends, given, strict=True)
            }
            made = _called(inner, within)
            if not inner.trainable:
                inner.trainable = False  # Of its layers too, whatever they said.
        else:
            made = tf.nest.flatten(again(call, tensors))
        tensors.update(
            (id(old), new) for old, new in zip(call.outputs, made, strict=True)
        )
    return [tensors[id(tensor)] for tensor in model.outputs]


def again(call: Call, tensors: dict[int, Any]) -> Any:
    """What the layer of a call makes of other tensors in the place of its inputs."""
    new: dict[str, list[Any]] = {}
    for tensor in call.inputs:
        new.setdefault(str(id(tensor)), []).append(tensors[id(tensor)])
    args, kwargs = call.node.map_arguments(new)
    return call.layer(*args, **kwargs)


def _opens(call: Call) -> bool:
    """Whether the call is of a model whose layers can stand in its place."""
    inner: Any = call.layer
    if not call.inputs or not _is_nested(inner):
        return False
    node = call.node
    return (
        len(node.call_args) == 1
        and all(value is None for value in node.call_kwargs.values())
        and len(tf.nest.flatten(node.call_args[0])) == len(call.inputs)
        and len(tf.nest.flatten(inner.input)) == len(call.inputs)
        and len(inner.outputs) == len(call.outputs)
    )


def _is_nested(layer: Any) -> bool:
    return (
        isinstance(layer, keras.Model)
        and type(layer) in compat.keras_classes()
        and compat.is_functional(layer)
        and bool(layer.inputs)
    )


def _name_apart(model: keras.Model, ends: list[str]) -> None:
    """Gives layers of models inside names that nothing else has.

    Args:
        model: the outer model; its own layers keep their names.
        ends: names of its outputs, which are taken too.
    """
    own = [layer for layer in model.layers if not _is_nested(layer)]
    named = {id(layer) for layer in own}
    taken = {layer.name for layer in own} | set(ends)
    pending = [layer for layer in model.layers if _is_nested(layer)]
    while pending:
        inner = pending.pop(0)
        for layer in inner.layers:
            if _is_nested(layer):
                pending.append(layer)
            elif id(layer) not in named and not compat.is_input_layer(layer):
                named.add(id(layer))
                name, number = layer.name, 1
                while name in taken:
                    name = f"{inner.name}_{layer.name}" + f"_{number}" * (number > 1)
                    number += 1
                compat.set_name(layer, name)
                taken.add(name)
