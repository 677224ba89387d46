"""The registered methods, and how one is written: "edge_popup:keep=0.3".

@lth.methods.register("edge_popup")
class EdgePopup(Method): ...

A method's keyword arguments are its parameters, in text as in Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from lth_keras.arguments import switch, text
from lth_keras.errors import LotteryError, shown
from lth_keras.methods.method import Method
from lth_keras.pruning import written
from lth_keras.pruning.registries import Registry


class Entry(NamedTuple):
    """A registered method.

    Attributes:
        kind: its class.
    """

    kind: type[Method]


REGISTRY: Registry[Entry] = Registry("method")

_Kind = TypeVar("_Kind", bound=type[Method])


def register(name: str, *, replace: bool = False) -> Callable[[_Kind], _Kind]:
    """Registers a subclass of `Method` under the name that results carry.

    Args:
        name: letters, digits and underscores.
        replace: whether a method of that name may be replaced.

    Raises:
        LotteryError: the name is taken or cannot be one, or the class is no method, or
            does not take a model and parameters by name that have defaults.
    """
    REGISTRY.check_name(name)
    replace = switch("replace", replace)

    def add(kind: _Kind) -> _Kind:
        _check(name, kind)
        REGISTRY.add(name, Entry(kind), replace)
        kind.name = name
        return kind

    return add


def names() -> tuple[str, ...]:
    """The registered methods, in alphabetical order."""
    return REGISTRY.names()


def get(name: str) -> type[Method]:
    """The class of a method.

    Raises:
        LotteryError: no such method.
    """
    return REGISTRY.get(name).kind


def parse(asked: str) -> tuple[str, dict[str, Any]]:
    """Reads a method as users write it.

    Args:
        asked: "name" or "name:parameter=value:other=value".

    Returns:
        The name, and the parameters that are given.

    Raises:
        LotteryError: no such method or parameter, or a value of another kind.
    """
    text("method", asked, "its name, such as 'edge_popup'")
    name, *settings = written.parts(asked)
    if name not in names():
        raise REGISTRY.unknown(f"method {shown(name)}")
    return name, written.read("method", asked, settings, parameters(get(name)))


def parameters(kind: type[Method]) -> dict[str, Any]:
    """What can be said of a method in text: its parameters with their defaults."""
    signature = inspect.signature(kind.__init__)
    return {
        key: parameter.default
        for key, parameter in signature.parameters.items()
        if isinstance(parameter.default, (bool, int, float, str))
    }


def _check(name: str, kind: Any) -> None:
    wanted = "write a class Method with __init__(self, model, *, parameter=default)."
    if not (inspect.isclass(kind) and issubclass(kind, Method)):
        raise LotteryError(f"method {name!r} is no class of method: {wanted}")
    taken = list(inspect.signature(kind.__init__).parameters.values())
    fits = len(taken) > 1 and all(
        each.default is not inspect.Parameter.empty for each in taken[2:]
    )
    if not fits:
        raise LotteryError(
            f"method {name!r} takes {inspect.signature(kind.__init__)}: {wanted}"
        )
