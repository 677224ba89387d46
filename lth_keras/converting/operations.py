"""A call of `keras.ops` in a graph becomes one of TensorFlow, as tf_keras has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras.converting.elementwise import (
    BINARY,
    COMPARED,
    LOGICAL,
    UNARY,
    WITH_ARGUMENTS,
)
from lth_keras.converting.rearranging import REARRANGED, REDUCED
from lth_keras.errors import LotteryError


def known() -> list[str]:
    """Names of the operations that can be converted."""
    tables = (BINARY, COMPARED, LOGICAL, UNARY, WITH_ARGUMENTS, REARRANGED, REDUCED)
    return sorted(name for table in tables for name in table)


def called(operation: Any, args: Any, kwargs: Any, dtype: str) -> Any:
    """What TensorFlow computes for a call of `keras.ops`.

    Args:
        operation: the operation of Keras 3, which holds its other arguments.
        args: what it is given by position; Keras tensors are those of tf_keras.
        kwargs: what it is given by name.
        dtype: of the first result.

    Raises:
        LotteryError: it is not among those known.
    """
    name = type(operation).__name__
    if name in BINARY:
        return BINARY[name](*(_cast(value, dtype) for value in args))
    if name in UNARY:
        return UNARY[name](*(_cast(value, dtype) for value in args))
    if name in COMPARED:
        return COMPARED[name](*_alike(args))
    if name in LOGICAL:
        return LOGICAL[name](*(_cast(value, "bool") for value in args))
    if name in WITH_ARGUMENTS:
        return WITH_ARGUMENTS[name](operation, *(_cast(v, dtype) for v in args))
    if name in REDUCED:
        return _reduced(REDUCED[name], operation, _cast(args[0], dtype))
    if name in REARRANGED:
        if name in ("Concatenate", "Stack"):
            args = ([_cast(value, dtype) for value in args[0]],)
        elif name in ("Cumsum", "Dot", "Einsum", "Matmul", "Tensordot"):
            args = [_cast(value, dtype) for value in args]
        elif name == "Where" and len(args) == 3:
            args = (_cast(args[0], "bool"), *(_cast(v, dtype) for v in args[1:]))
        return REARRANGED[name](operation, *args, **kwargs)
    raise LotteryError(
        f"{type(operation).__module__.replace('.src', '')}.{name} "
        f"({operation.name!r}) in the graph is an operation that lth.from_keras3 does "
        "not know: put it into a layer class of your own, with a tf_keras version of "
        "it in custom_objects."
    )


def _reduced(function: Callable[..., Any], operation: Any, x: Any) -> Any:
    if getattr(operation, "initial", None) is not None:
        raise LotteryError(
            f"{type(operation).__name__}(initial=...) ({operation.name!r}): use "
            "keras.ops.maximum or minimum with it."
        )
    return function(x, axis=operation.axis, keepdims=operation.keepdims)


def _cast(value: Any, dtype: str) -> Any:
    """A tensor in a dtype; numbers take that of the tensor they meet."""
    if not hasattr(value, "dtype"):
        floats = tf.as_dtype(dtype).is_floating
        return float(value) if floats and isinstance(value, int) else value
    return value if value.dtype == dtype else tf.cast(value, dtype)


def _alike(values: Any) -> list[Any]:
    """Two operands of a comparison in one dtype: that of the first float, if any."""
    dtypes = [tf.as_dtype(v.dtype) for v in values if hasattr(v, "dtype")]
    if len(dtypes) == 1 and dtypes[0].is_integer:
        if any(isinstance(value, float) for value in values):
            dtypes = [tf.float32]
    chosen = max(dtypes, key=lambda dtype: (dtype.is_floating, dtype.size))
    return [_cast(value, chosen.name) for value in values]
