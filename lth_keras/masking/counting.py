"""What of a wrapped layer counts as a parameter: the layer's own weights, no masks."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

_UNCOUNTED: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "masks_uncounted", default=False
)


@contextlib.contextmanager
def masks_uncounted() -> Iterator[None]:
    """Lets wrappers list the weights of their layers alone, as one counts them."""
    token = _UNCOUNTED.set(True)
    try:
        yield
    finally:
        _UNCOUNTED.reset(token)


def counted() -> bool:
    """Whether parameters are being counted, and masks are none."""
    return _UNCOUNTED.get()


class CountsItsLayer:
    """What a wrapper is made of that lists its masks where they are not counted."""

    layer: Any
    _non_trainable_weights: list[Any]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The layer's own and, where they are not being counted, masks and steps."""
        own: list[Any] = self.layer.non_trainable_weights
        return own if _UNCOUNTED.get() else own + self._non_trainable_weights

    def count_params(self) -> int:
        """How many parameters the wrapped layer has."""
        return int(self.layer.count_params())
