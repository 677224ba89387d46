"""What does the manifest of a ticket say of one weight?"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import ml_dtypes
import numpy as np

from lth_keras.storage import fields

ADVICE = "copy the ticket again or find it anew"
# What Keras may name, on one line.
TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,1000}")
_DTYPE = re.compile("[a-z][a-z0-9_]{1,30}")
_DIMENSIONS = 32  # as many as NumPy's oldest versions had


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a manifest says of a weight.

    Attributes:
        layer: name of the layer that owned it.
        kind: class name of that layer.
        name: name of the weight in the layer.
        shape: of the weight.
        dtype: name of its dtype.
        masked: whether it has a mask.
    """

    layer: str
    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    masked: bool

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def size(self) -> int:
        """Entries of the weight."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of all entries."""
        return self.size * dtype_of(self.dtype).itemsize


def read(value: Any, what: str) -> Entry:
    """What a manifest says of a weight, each field of its kind.

    Args:
        value: what was read.
        what: how a message names it.

    Raises:
        LotteryError: a field is missing or of another kind.
    """
    record = fields.Record(value, what, ADVICE)
    shape = record.list("shape")
    if len(shape) > _DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise record.refusal("shape", f"a list of at most {_DIMENSIONS} sizes")
    dtype = record.text("dtype", _DTYPE)
    try:
        dtype_of(dtype)
    except TypeError:
        raise record.refusal("dtype", "the name of a dtype of numbers") from None
    density = record.present("density").number("density")
    if density is not None and not 0 <= density <= 1:
        raise record.refusal("density", "a fraction or null")
    return Entry(
        layer=record.text("layer", TEXT),
        kind=record.text("class", TEXT),
        name=record.text("name", TEXT),
        shape=tuple(shape),
        dtype=dtype,
        masked=density is not None,
    )


def dtype_of(name: str) -> np.dtype:
    """The dtype of a name that `write` stored.

    Raises:
        TypeError: numbers have no dtype of that name.
    """
    try:
        found = np.dtype(name)
    except (TypeError, ValueError):
        found = np.dtype(getattr(ml_dtypes, name, None) or "object")
    if found.name != name or not (
        found.kind in "biufc" or found.type.__module__ == "ml_dtypes"
    ):
        raise TypeError(f"{name[:100]!r} is no dtype of numbers")
    return found
