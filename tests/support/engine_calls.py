"""The calls of `lth.engines`, for `public_calls`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lth_keras as lth
from tests.support.calls import Call, World


def _register(function: Callable[..., Any], **given: Any) -> None:
    lth.engines.register(**given)(function)


def calls(w: World) -> list[Call]:
    """Each with arguments that it takes."""

    def engine(job: Any) -> list[str]:
        return []

    own = {"function": engine, "name": "campaign", "replace": True}
    return [
        Call(_register, {**own, "check": None, "elsewhere": False}),
        Call(lth.engines.get, {"engine": "local"}),
        Call(lth.engines.Ray, {"address": "auto", "num_gpus": 0, "memory": None}),
    ]
