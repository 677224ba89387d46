"""The calls of `lth.keras3`, as `public_calls` has all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lth_keras as lth

CALLBACKS: list[tuple[Callable[..., Any], Mapping[str, Any]]] = [
    (lth.keras3.CaptureInitialWeights, {"rewind_to": "0it"}),
    (lth.keras3.PruneAndRewind, {"seed": 0}),
]
