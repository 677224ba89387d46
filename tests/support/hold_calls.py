"""The calls of `lth.hold` and `lth.release`, as `public_calls` has all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lth_keras as lth
from lth_keras.compat import keras

# A function, arguments that it takes, and names of those that are the user's code.
Made = tuple[Callable[..., Any], Mapping[str, Any], frozenset[str]]


def hold(plain: keras.Model) -> Made:
    """A copy of a model, which is on no masks yet."""
    given = {
        "model": keras.models.clone_model(plain),
        "rate": 0.2,
        "scope": "layer",
        "criterion": "magnitude",
        "exclude": (),
        "embeddings": False,
        "granularity": "weight",
        "build": None,
        "where": "each",
    }
    return lth.hold, given, frozenset({"rate"})


def release(plain: keras.Model) -> Made:
    """A copy of a model on masks."""
    model = lth.hold(keras.models.clone_model(plain))
    return lth.release, {"model": model}, frozenset()
