"""What stands in a layer's configuration: initialisers, penalties, policies, functions.

value = objects.converted({"class_name": "HeNormal", "module": ...}, custom_objects)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.converting.activations import activation
from lth_keras.errors import LotteryError, shown

Custom = Mapping[str, Any]
# What Keras 3 alone knows of an initialiser; None is what tf_keras does.
_LEFT_OUT = ("input_axes", "output_axes")
_KINDS = ("initializers", "regularizers", "constraints")


def converted(value: Any, custom: Custom) -> Any:
    """A value of a configuration of Keras 3, for a constructor of tf_keras.

    Args:
        value: plain data, or what Keras 3 wrote of an object of its own.
        custom: tf_keras versions of the user's classes and functions, by name.

    Raises:
        LotteryError: tf_keras has no such thing.
    """
    if isinstance(value, Mapping) and "class_name" in value and "config" in value:
        return _object(value, custom)
    if isinstance(value, Mapping):
        return {key: converted(item, custom) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(converted(item, custom) for item in value)
    return value


def given_as(
    name: str, what: str = "a class of tf_keras that computes the same"
) -> str:
    """What to do about a class or function of some name that tf_keras lacks."""
    return f"give lth.from_keras3 custom_objects={{{name!r}: {what}}}"


def function(value: Any, custom: Custom) -> Any:
    """The tf_keras function like an activation of Keras 3.

    Args:
        value: the function itself, as its layer holds it.
        custom: tf_keras versions of the user's functions, by name.

    Raises:
        LotteryError: there is none.
    """
    name = getattr(value, "__name__", type(value).__name__)
    if name in custom:
        return custom[name]
    module = getattr(value, "__module__", None) or ""
    found = activation(name) if module.partition(".")[0] == "keras" else None
    if name == "<lambda>":
        raise LotteryError(
            "its activation is a lambda, which has no name to go by: write it with "
            "def, and give the same with TensorFlow's functions in custom_objects."
        )
    if found is None:
        raise LotteryError(
            f"the activation {name!r} is not in tf_keras: "
            f"{given_as(name, 'the same with the functions of TensorFlow')}."
        )
    return found


def policy(value: Any) -> str:
    """The name of a dtype policy that tf_keras has too.

    Raises:
        LotteryError: it is none of float32, mixed_float16 and the like.
    """
    if isinstance(value, str):
        return value
    if value["class_name"] != "DTypePolicy":
        raise LotteryError(
            f"the dtype policy {value['class_name']} is not in tf_keras: convert the "
            "model before it is quantized."
        )
    return str(value["config"]["name"])


def own_class(kind: type, custom: Custom) -> Any:
    """The tf_keras version of a class of the user's: given, or registered; or None."""
    registered = compat.keras3().saving.get_registered_name(kind)
    return custom.get(kind.__name__) or keras.saving.get_registered_object(
        registered, custom_objects=dict(custom)
    )


def _object(value: Mapping[str, Any], custom: Custom) -> Any:
    name, module = value["class_name"], str(value.get("module") or "")
    if name in custom:
        return custom[name](**converted(value["config"], custom))
    if name == "__tuple__" or name == "function":
        return value
    if "DTypePolicy" in name:
        return policy(value)
    kind = module.rpartition(".")[2]
    made = getattr(getattr(keras, kind), name, None) if kind in _KINDS else None
    if made is None:
        raise LotteryError(f"{name} is not in tf_keras: {given_as(name)}.")
    given = {}
    for key, item in value["config"].items():
        if key not in _LEFT_OUT:
            given[key] = converted(item, custom)
        elif item is not None:
            raise LotteryError(f"{name}: {key}={shown(item)} is not in tf_keras.")
    return made(**given)
