"""One layer: how it is built and called, what it holds, what it regularises."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine import keras_tensor as _keras_tensor
from tf_keras.src.mixed_precision.autocast_variable import (
    AutoCastVariable,
)

from lth_keras.compat.graphs import layers_within


def copy_trainable_flag(source: keras.layers.Layer, target: keras.layers.Layer) -> None:
    """Sets `trainable` of a layer as in another, but not of the layers inside it."""
    target._trainable = source._trainable


def freeze_weights(layer: keras.layers.Layer) -> None:
    """Lets the layer's own weights not train; `trainable` stays as it is.

    By that flag BatchNormalization chooses whose statistics it computes with. The
    weights stay in their order.
    """
    layer._non_trainable_weights[:0] = layer._trainable_weights
    layer._trainable_weights[:] = []


def lost_arguments(layer: keras.layers.Layer) -> dict[str, Any]:
    """What a constructor was given and a configuration that Keras derives leaves out.

    Keras hands on name, dtype and the like only where `**kwargs` has that very name.
    """
    if not hasattr(layer.get_config, "_is_default"):
        return {}
    given = getattr(getattr(layer, "_auto_config", None), "config", {})
    return {k: given[k] for k in ("name", "trainable", "dtype") if k in given}


def builds_in_call(layer: keras.layers.Layer) -> bool:
    """Whether the layer, or one inside it, has no `build` to make its weights."""
    return any(hasattr(inner.build, "_is_default") for inner in layers_within(layer))


def written_signature(value: Any) -> Any:
    """Shapes and types of the tensors in a call's arguments, for a configuration."""
    if isinstance(value, dict):
        return {name: written_signature(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written_signature(item) for item in value]
    if not isinstance(value, (_keras_tensor.KerasTensor, tf.Tensor)):
        return None
    return {"shape": value.shape.as_list(), "dtype": value.dtype.name}


def read_signature(value: Any) -> Any:
    """What `written_signature` wrote, with a `tf.TensorSpec` for each tensor."""
    if isinstance(value, dict):
        if value.keys() == {"shape", "dtype"}:
            return tf.TensorSpec(value["shape"], value["dtype"])
        return {name: read_signature(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [read_signature(item) for item in value]
    return value


def call_in_scratch_graph(layer: keras.layers.Layer, args: Any, kwargs: Any) -> None:
    """Calls a layer so that it makes its weights, and forgets the call.

    Nothing of it stays: no node of a Functional model, no loss, no operation in the
    step that is being traced.
    """

    with tf.__internal__.FuncGraph("scratch").as_default():
        args, kwargs = placeholders((args, kwargs))
        layer(*args, **kwargs)
    layer._clear_losses()


def placeholders(values: Any) -> Any:
    """What stands for Keras tensors and specs in the graph that is being made."""

    def placeholder(value: Any) -> Any:
        if isinstance(value, _keras_tensor.KerasTensor):
            return _keras_tensor.keras_tensor_to_placeholder(value)
        if isinstance(value, tf.TensorSpec):
            return tf.compat.v1.placeholder(value.dtype, value.shape)
        return value

    return tf.nest.map_structure(placeholder, values)


def raw_variable(variable: Any) -> Any:
    """The variable below Keras's autocasting (and our masked) reads."""
    while isinstance(variable, AutoCastVariable):
        variable = variable._variable
    return variable


def expects(layer: keras.layers.Layer, argument: str) -> bool:
    """Whether a layer's call takes `argument` ("mask" or "training")."""
    if argument == "mask":
        return bool(layer._expects_mask_arg)
    return bool(layer._expects_training_arg)


def rebind_losses(layer: keras.layers.Layer, variable: Any, proxy: Any) -> None:
    """Lets the layer's regularisers read `proxy` where they held `variable`.

    A regulariser is bound to the raw variable when the layer is built; only through
    the proxy do its gradients obey the mask.
    """
    raw = raw_variable(variable)

    def rebound(loss: Any) -> Any:
        if raw_variable(loss) is raw:
            return proxy
        if not isinstance(loss, functools.partial):
            return loss
        args = [rebound(argument) for argument in loss.args]
        return functools.partial(loss.func, *args, **loss.keywords)

    layer._callable_losses[:] = [rebound(loss) for loss in layer._callable_losses]


def layers_with_losses(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and those inside it whose losses `rebind_losses` may have to rebind."""
    return [inner for inner in layers_within(layer) if inner._callable_losses]


def set_name(layer: keras.layers.Layer, name: str) -> None:
    """Renames a layer; tfmot prefixes the names of what it wraps."""
    layer._name = name


def silence_autocast(layer: keras.layers.Layer) -> None:
    """Lets a wrapper hand its inputs on untouched by its own dtype policy."""
    layer._autocast = False


def set_constraint(variable: Any, constraint: Any) -> None:
    """Replaces the constraint that optimizers apply after each step."""
    target = getattr(variable, "_variable", variable)
    for part in getattr(target, "values", None) or (target,):
        part._constraint = constraint
    if target is not variable or hasattr(target, "values"):
        target._constraint = constraint


def forget_weights(layer: keras.layers.Layer, variables: list[Any]) -> None:
    """Removes variables that `add_weight` made from all that a layer keeps of them."""
    gone = {id(variable) for variable in variables}
    kept = [v for v in layer._non_trainable_weights if id(v) not in gone]
    layer._non_trainable_weights[:] = kept
    for name, found in list(layer._trackable_children().items()):
        if id(found) in gone:
            layer._delete_tracking(name)
