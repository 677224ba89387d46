"""Models as graphs of layers: which layers, fed by which, with which variables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine import functional as _functional
from tf_keras.src.engine import input_layer as _input_layer

from lth_keras.compat.hosts import PruneLowMagnitude
from lth_keras.compat.wiring import Call, Graph


def is_functional(model: keras.Model) -> bool:
    """Whether the model is a graph of layers rather than a Python `call`."""
    return bool(model._is_graph_network) or isinstance(model, keras.Sequential)


def is_called_by_keras(model: keras.Model) -> bool:
    """Whether the model is a graph of layers whose class leaves `call` to Keras."""
    own = (_functional.Functional.call, keras.Sequential.call)
    return is_functional(model) and type(model).call in own


def has_call(model: keras.Model) -> bool:
    """Whether the model itself can be called.

    A GAN that only its `train_step` knows how to use holds networks, and has no `call`.
    """
    return is_functional(model) or type(model).call is not keras.Model.call


def is_built(model: keras.Model) -> bool:
    """Whether the model has its weights; it or each of its layers is built."""
    return bool(model.built) or unbuilt_part(model) is None


def unbuilt_part(model: keras.Model) -> keras.layers.Layer | None:
    """What a model that was never called has not built; None where that is nothing.

    A class whose `train_step` calls the networks inside it need not be called itself.
    Graphs, and classes with a `build` of their own, make what they have there.
    """
    layers = model.layers
    if not layers or type(model).build is not keras.Model.build:
        return model
    return next((layer for layer in layers if not layer.built), None)


def keras_classes() -> tuple[type, ...]:
    """The exact classes that Sequential and Functional models have."""
    return (keras.Model, keras.Sequential, _functional.Functional)


def is_input_layer(layer: keras.layers.Layer) -> bool:
    """Whether the layer is a placeholder for a model's input."""
    return isinstance(layer, _input_layer.InputLayer)


def has_mask(tensor: Any) -> bool:
    """Whether a Keras tensor brings along which time steps count."""
    return getattr(tensor, "_keras_mask", None) is not None


def put_constants_behind(converter: Any, behind: bool) -> None:
    """Whether a TFLite converter writes constants behind its flatbuffer."""
    converter._experimental_use_buffer_offset = behind


def producers(model: keras.Model) -> dict[str, list[str]]:
    """For each layer name of a graph model, the layers that feed it."""
    feeds: dict[str, list[str]] = {}
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    for node in nodes:
        names = feeds.setdefault(node.layer.name, [])
        names.extend(parent.layer.name for parent in node.parent_nodes)
    return feeds


def calls(model: keras.Model) -> list[Call]:
    """The calls of a graph model, each after those that feed it; no placeholders."""
    depths = getattr(model, "_nodes_by_depth", {})
    return [
        Call(
            node.layer,
            list(node.flat_input_ids),
            [
                (str(id(tensor)), tensor.shape)
                for tensor in tf.nest.flatten(node.outputs)
            ],
        )
        for depth in sorted(depths, reverse=True)
        for node in depths[depth]
        if not node.is_input
    ]


def graph(model: keras.Model) -> Graph:
    """A model as calls of layers, without the wrappers that hold masks.

    One that is no graph is one call of itself.
    """
    if not (is_functional(model) and getattr(model, "outputs", None)):
        return Graph([("inputs", ())], [Call(model, ["inputs"], [("", ())])], [""])
    return Graph(
        [(str(id(tensor)), _shape(tensor.shape)) for tensor in model.inputs],
        [_unwrapped(call) for call in calls(model)],
        [str(id(tensor)) for tensor in model.outputs],
    )


def _unwrapped(call: Call) -> Call:
    layer = call.layer
    if isinstance(layer, PruneLowMagnitude):
        layer = layer.layer
    held = isinstance(layer, keras.Model) and is_functional(layer)
    outputs = [(name, _shape(shape)) for name, shape in call.outputs]
    return Call(layer, call.inputs, outputs, graph(layer) if held else None)


def _shape(shape: tf.TensorShape) -> tuple[int | None, ...]:
    return () if shape.rank is None else tuple(shape)


def output_names(model: keras.Model) -> list[str]:
    """Names of the layers that produce a graph model's outputs."""
    return [t._keras_history.layer.name for t in tf.nest.flatten(model.outputs)]


def variables_in_calls(model: keras.Model) -> list[Any]:
    """Variables that a graph model hands to layers or TF ops as arguments."""
    calls = [
        (node.call_args, node.call_kwargs)
        for nodes in getattr(model, "_nodes_by_depth", {}).values()
        for node in nodes
    ]
    return [v for v in tf.nest.flatten(calls) if isinstance(v, tf.Variable)]


def layers_within(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and all layers inside it, outer before inner.

    `submodules` raises once a layer with recurrent dropout was called in a function.
    """
    return list(layer._flatten_layers())


def layers_directly_inside(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that a layer's attributes, lists and dicts hold, in their order."""
    return list(layer._flatten_layers(recursive=False, include_self=False))


def metric_variables(layer: keras.layers.Layer) -> list[Any]:
    """The variables in which a layer's own metrics count."""
    return [v for metric in getattr(layer, "_metrics", ()) for v in metric.variables]


def own_variables(layer: keras.layers.Layer) -> list[Any]:
    """The variables that the layer itself made, not those of layers inside it."""
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def is_bookkeeping(attribute: str) -> bool:
    """Whether Keras keeps its own list of a layer's parts under this name."""
    return attribute.startswith("_self_") or attribute in (
        "_trainable_weights",
        "_non_trainable_weights",
        "_serialized_attributes",
    )


def weights_if_all_trained(model: keras.Model) -> list[Any]:
    """`model.weights` in the order that it has when no layer is frozen.

    Keras lists the weights of a layer with layers inside by whether they train, and
    each of its classes in a way of its own, so it is asked with all flags set.
    """
    layers = layers_within(model)
    flags = [layer._trainable for layer in layers]
    try:
        for layer in layers:
            layer.__dict__["_trainable"] = True
        return list(model.weights)
    finally:
        for layer, flag in zip(layers, flags, strict=True):
            layer.__dict__["_trainable"] = flag
