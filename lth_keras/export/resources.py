"""Variables and tables that a traced function reads, found where they are held.

A SavedModel holds only what its module reaches; a function knows what it reads by
handle alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from lth_keras.compat import raw_variable

# Enough for a table in a list in an attribute of a method's object.
_DEPTH = 5
_TRACKABLE = (tf.Variable, tf.Module, tf.saved_model.experimental.TrackableResource)


def resources(item: Any) -> list[Any]:
    """Variables and tables of a model or another trackable object, and itself."""
    found = tf.train.TrackableView(item).descendants()
    return [part for part in found if handles(part)]


def handles(item: Any) -> set[int]:
    """Identities of the handles by which functions capture a variable or table."""
    parts = getattr(item, "values", None)
    if not isinstance(item, tf.Variable):
        handle = getattr(item, "resource_handle", None)
        return set() if handle is None else {id(handle)}
    return {id(part.handle) for part in (parts or (raw_variable(item),))}


def named_by(function: Callable[..., Any]) -> list[Any]:
    """Variables and tables that a function names, or holds as what it is called on.

    These are values of its closure, globals, defaults, bound arguments, the object of
    a method, and what lists, dicts and attributes of those hold.
    """
    found: dict[int, Any] = {}
    seen: dict[int, tuple[int, Any]] = {}
    for value in _named(function):
        _collect(value, found, seen, _DEPTH)
    return list(found.values())


def _named(function: Any) -> Iterable[Any]:
    if isinstance(function, functools.partial):
        return [*function.args, *function.keywords.values(), function.func]
    function = getattr(function, "python_function", function)  # of tf.function
    if inspect.ismethod(function):
        return [function.__self__, function.__func__]
    if not inspect.isfunction(function):
        return [function]
    closed = inspect.getclosurevars(function)
    defaults = [
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
    ]
    return [*closed.nonlocals.values(), *closed.globals.values(), *defaults]


def _collect(
    value: Any, found: dict[int, Any], seen: dict[int, tuple[int, Any]], depth: int
) -> None:
    """Adds what is found in `value`; `seen` holds the depth left for each object."""
    if inspect.ismodule(value) or isinstance(value, (str, bytes, int, float, type)):
        return
    if depth <= seen.get(id(value), (0, None))[0]:
        return
    seen[id(value)] = depth, value
    if isinstance(value, _TRACKABLE):
        found.update({id(item): item for item in resources(value)})
        return
    inner: list[Any] = []
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, (list, tuple)):
        inner = list(value)
    else:
        inner = [part for part in _named(value) if part is not value]
        if hasattr(value, "__dict__"):
            inner += vars(value).values()
    for part in inner:
        _collect(part, found, seen, depth - 1)
