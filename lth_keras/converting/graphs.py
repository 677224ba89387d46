"""A model of Keras 3, call by call, becomes one of tf_keras; weights come later."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import Node, keras
from lth_keras.converting import layers, masks, operations, vocabularies
from lth_keras.converting.objects import Custom
from lth_keras.converting.reasons import reason
from lth_keras.errors import LotteryError


class Converter:
    """Makes models and layers, each once, however often and wherever they are used.

    Args:
        custom: tf_keras versions of the user's classes and functions, by name.

    Attributes:
        ends: tensors of Keras 3 and of tf_keras where the model made last ends: its
            outputs, then what their calls are given.
    """

    def __init__(self, custom: Custom):
        self._custom = custom
        self.ends: list[tuple[Any, Any]] = []
        self._made: dict[int, tuple[Any, keras.layers.Layer]] = {}

    @property
    def pairs(self) -> list[tuple[Any, keras.layers.Layer]]:
        """Every layer and model that was met, in the order of the graph."""
        return list(self._made.values())

    def layer(self, source: Any) -> keras.layers.Layer:
        """The tf_keras layer, or model, like one of Keras 3.

        Raises:
            LotteryError: it has none.
        """
        if id(source) not in self._made:
            if isinstance(source, compat.keras3().Model):
                made = self._model(source)
            else:
                made = layers.converted(source, self._custom, self.layer)
                vocabularies.copy(source, made)
            self._made[id(source)] = source, made
        return self._made[id(source)][1]

    def _model(self, source: Any) -> keras.Model:
        if type(source) is compat.keras3().Sequential:
            return self._sequential(source)
        if compat.is_keras3_functional(source):
            return self._functional(source)
        kind = type(source).__name__
        raise LotteryError(
            f"model {source.name!r} is of the class {kind}, whose Python is not "
            "converted: build it as keras.Model(inputs, outputs), or write the class "
            "with tf_keras and take lth.hold(model)."
        )

    def _sequential(self, source: Any) -> keras.Model:
        made = keras.Sequential(name=source.name)
        inputs = (source.inputs or []) if source.built else []
        if len(inputs) == 1:
            made.add(_input(inputs[0]))
        for layer in source.layers:
            made.add(self.layer(layer))
        if inputs:
            self.ends = list(zip(source.outputs, made.outputs, strict=True))
            # Of a layer that is used elsewhere too it is not known which one.
            with contextlib.suppress(AttributeError, ValueError):
                last = source.layers[-1].input, made.layers[-1].input
                self.ends += [] if isinstance(last[0], (list, dict)) else [last]
        return made

    def _functional(self, source: Any) -> keras.Model:
        keras3 = compat.keras3()
        tensors = {id(tensor): _input(tensor) for tensor in source.inputs}
        nodes = masks.needed(compat.keras3_nodes(source), source.outputs)
        for node in nodes:
            given = self._call(node, tensors)
            flat = keras3.tree.flatten(given)
            for tensor, value in zip(node.outputs, flat, strict=True):
                tensors[id(tensor)] = value
        inputs, outputs = (
            keras3.tree.map_structure(lambda tensor: tensors[id(tensor)], structure)
            for structure in compat.keras3_structures(source)
        )
        made = keras.Model(inputs, outputs, name=source.name)
        given = list(source.outputs)
        ends = {id(tensor) for tensor in given}
        for node in nodes:
            if any(id(tensor) in ends for tensor in node.outputs):
                given += keras3.tree.flatten(node.args)
        self.ends = [(t, tensors[id(t)]) for t in given if id(t) in tensors]
        return made

    def _call(self, node: Node, tensors: dict[int, Any]) -> Any:
        source = node.operation
        layer = compat.is_keras3_layer(source)
        kwargs = masks.given_by_name(node) if layer else node.kwargs
        args, kwargs = compat.keras3().tree.map_structure(
            lambda value: _argument(source, value, tensors), (node.args, kwargs)
        )
        made = self.layer(source) if layer else None
        try:
            if made is not None:
                return made(*args, **kwargs)
            dtype = compat.keras3().backend.standardize_dtype(node.outputs[0].dtype)
            return operations.called(source, args, kwargs, dtype)
        except LotteryError:
            raise
        except Exception as error:  # Whatever a class of either Keras raises.
            raise LotteryError(
                f"{'layer' if layer else 'operation'} {source.name!r} "
                f"({type(source).__name__}) cannot be called in tf_keras as in Keras "
                f"3: {reason(error)}"
            ) from error


def _input(tensor: Any) -> Any:
    """A placeholder of tf_keras like one of Keras 3, by its name."""
    source = compat.keras3_producer(tensor)
    return keras.Input(
        batch_shape=tuple(tensor.shape),
        dtype=compat.keras3().backend.standardize_dtype(tensor.dtype),
        name=source.name,
        sparse=bool(getattr(tensor, "sparse", False)),
        ragged=bool(getattr(tensor, "ragged", False)),
    )


def _argument(source: Any, value: Any, tensors: dict[int, Any]) -> Any:
    """What a call is given: a Keras tensor, a constant of a backend, or plain data."""
    keras3 = compat.keras3()
    if isinstance(value, keras3.KerasTensor):
        return tensors[id(value)]
    if isinstance(value, keras3.Variable):
        raise LotteryError(
            f"{source.name!r} in the graph is given the variable {value.path!r}, "
            "which belongs to no layer of the model: put both into a layer class of "
            "your own, with a tf_keras version of it in custom_objects."
        )
    if keras3.ops.is_tensor(value) or isinstance(value, np.ndarray):
        return tf.constant(keras3.ops.convert_to_numpy(value))
    return value
