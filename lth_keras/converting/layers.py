"""One layer of Keras 3 becomes one of tf_keras: of the same name, not built yet."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.converting import layer_table, objects
from lth_keras.converting.objects import Custom
from lth_keras.errors import LotteryError, shown

_FUNCTIONS = ("activation", "recurrent_activation")
_WRAPPERS = ("SpectralNormalization", "TimeDistributed")


# Makes the tf_keras twin of a layer that stands inside another.
Inner = Callable[[Any], keras.layers.Layer]


def converted(layer: Any, custom: Custom, inner: Inner) -> keras.layers.Layer:
    """The tf_keras layer like one of Keras 3.

    Args:
        layer: any layer but a model.
        custom: tf_keras versions of the user's classes and functions, by name.
        inner: converts a layer, or a model, inside it.

    Raises:
        LotteryError: names the layer, what tf_keras lacks, and the way out.
    """
    kind = type(layer).__name__
    try:
        return _made(layer, kind, custom, inner)
    except LotteryError as error:
        text = str(error)
        named = text if text.startswith("layer ") else f"layer {layer.name!r}: {text}"
        raise LotteryError(named) from error
    except Exception as error:  # Whatever a class of either Keras or the user's raises.
        raise LotteryError(
            f"layer {layer.name!r} ({kind}) cannot be converted ({error}): "
            f"{objects.given_as(kind)}."
        ) from error


def _made(layer: Any, kind: str, custom: Custom, inner: Inner) -> keras.layers.Layer:
    if kind in custom or not compat.is_keras3_own(layer):
        return _own(layer, kind, custom)
    if kind == "Lambda":
        return _lambda(layer)
    if kind in _WRAPPERS:
        made = getattr(keras.layers, kind)
        more = {"power_iterations": layer.power_iterations} if kind[0] == "S" else {}
        return made(inner(layer.layer), name=layer.name, **more)
    if kind == "Bidirectional":
        return _bidirectional(layer, custom, inner)
    if kind == "StackedRNNCells":
        cells = [inner(cell) for cell in layer.cells]
        return keras.layers.StackedRNNCells(cells, name=layer.name)
    made = layer_table.class_like(kind)
    if made is None:
        instead = layer_table.row(kind).instead or objects.given_as(kind)
        raise LotteryError(f"{kind} is not in tf_keras: {instead}.")
    given = _arguments(layer, kind, made, custom, inner)
    if kind == "RNN":
        given["cell"] = inner(layer.cell)
    return made(**given)


def _bidirectional(layer: Any, custom: Custom, inner: Inner) -> keras.layers.Layer:
    # tf_keras copies what it is given, and puts the direction before its name.
    forward = converted(layer.forward_layer, custom, inner)
    compat.set_name(forward, forward.name.removeprefix("forward_"))
    return keras.layers.Bidirectional(
        forward,
        merge_mode=layer.merge_mode,
        backward_layer=converted(layer.backward_layer, custom, inner),
        name=layer.name,
    )


def _own(layer: Any, kind: str, custom: Custom) -> keras.layers.Layer:
    """A layer of a class of the user's."""
    made = objects.own_class(type(layer), custom)
    if made is None:
        raise LotteryError(
            f"layer {layer.name!r} is of the class {kind}, which is not one of "
            f"Keras 3: {objects.given_as(kind)}, of weights in the same order."
        )
    config = {
        key: objects.policy(value) if key == "dtype" else value
        for key, value in layer.get_config().items()
        if key != "build_config"
    }
    config = objects.converted(config, custom)
    # Layers of tf_keras may read their configuration in a way of their own.
    return getattr(made, "from_config", lambda given: made(**given))(config)


def _lambda(layer: Any) -> keras.layers.Layer:
    if compat.keras3().backend.backend() != "tensorflow":
        raise LotteryError(
            f"layer {layer.name!r}: a Lambda computes with the backend that it was "
            "written for: write it as keras.ops in the graph, or as a layer class with "
            "a tf_keras version in custom_objects."
        )
    return keras.layers.Lambda(
        layer.function,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy.name,
    )


def _arguments(
    layer: Any, kind: str, made: Any, custom: Custom, inner: Inner
) -> dict[str, Any]:
    """The constructor's arguments in tf_keras."""
    row, taken = layer_table.row(kind), _taken(made)
    defaults = _defaults(type(layer))
    config = layer.get_config()
    left_out = {*layer_table.LEFT_OUT, *row.left_out, "cell"}
    left_out |= {key for key, other in row.unless.items() if config[other] is not None}
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = row.renamed.get(key, key)
        if key in left_out:
            continue
        if key == "dtype":
            found[key] = objects.policy(value)
        elif key in _FUNCTIONS and value is not None:
            found[name] = _activation(getattr(layer, key), custom, inner)
        elif name in taken:
            found[name] = objects.converted(value, custom)
        elif not (value == "channels_last" or _is_default(value, defaults.get(key))):
            raise LotteryError(
                f"{kind}({key}={shown(value)}) is not in tf_keras: leave it out, or "
                f"{objects.given_as(kind)}."
            )
    return found


def _activation(value: Any, custom: Custom, inner: Inner) -> Any:
    """A function, or a layer that serves as one."""
    if compat.is_keras3_layer(value):
        return inner(value)
    return objects.function(value, custom)


def _taken(made: Any) -> set[str]:
    """Names of what the constructors of a tf_keras class take."""
    found = {"activity_regularizer", "dtype", "name", "trainable"}
    for base in made.__mro__:
        if base is not keras.layers.Layer and issubclass(base, keras.layers.Layer):
            found |= {parameter.name for parameter in _parameters(base)}
    if issubclass(made, keras.layers.RNN):
        found.add("zero_output_for_mask")
    return found - {"self", "kwargs"}


def _parameters(kind: type) -> list[inspect.Parameter]:
    """Those of a class's own constructor."""
    own = vars(kind).get("__init__")
    return list(inspect.signature(own).parameters.values()) if own else []


def _defaults(kind: type) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base is not object:
            for parameter in _parameters(base):
                found[parameter.name] = parameter.default
    return found


def _is_default(value: Any, default: Any) -> bool:
    """Whether an argument asks for nothing; lists are read back as such from tuples."""
    if value is None or value is False:
        return True
    if isinstance(value, (list, tuple)) and isinstance(default, (list, tuple)):
        return list(value) == list(default)
    return type(value) is type(default) and bool(value == default)
