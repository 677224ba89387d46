"""The public calls about Keras 3, and models that they take.

for name, call in CALLS.items():
    function, arguments = call()
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import lth_keras as lth
from lth_keras.compat import keras3
from tests.support.keras3_models import chain


@functools.cache
def models() -> tuple[Any, Any]:
    """A compiled model of Keras 3, and what it becomes."""
    source = chain((4,), keras3().layers.Dense(2))
    source.compile("sgd", "mse")
    return source, lth.from_keras3(source)


def _compile_like() -> tuple[Callable[..., Any], dict[str, Any]]:
    source, made = models()
    return lth.compile_like, {"model": made, "keras3_model": source}


def _from_keras3() -> tuple[Callable[..., Any], dict[str, Any]]:
    return lth.from_keras3, {"model": models()[0], "custom_objects": None}


def _write_to() -> tuple[Callable[..., Any], dict[str, Any]]:
    source, made = models()
    return lth.write_to, {"keras3_model": source, "model": made}


CALLS = {
    "compile_like": _compile_like,
    "from_keras3": _from_keras3,
    "write_to": _write_to,
}
