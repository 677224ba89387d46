"""Values that nobody means: of other types, without an end, larger than anything."""

from __future__ import annotations

import decimal
import fractions
import itertools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras.compat import keras


class _NoRepr:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class _Loud:
    """An object that raises whatever it is asked."""

    def __index__(self) -> int:
        raise KeyError("index")

    def __float__(self) -> float:
        raise KeyError("float")

    def __fspath__(self) -> str:
        raise KeyError("path")

    def __iter__(self) -> Any:
        raise KeyError("iter")

    def __bool__(self) -> bool:
        raise KeyError("bool")


# Made anew for each case: generators are used up.
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "-1": lambda: -1,
    "1.5": lambda: 1.5,
    "0.3": lambda: 0.3,
    "-0.0": lambda: -0.0,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "1e-320": lambda: 1e-320,
    "2**31": lambda: 2**31,
    "2**63": lambda: 2**63,
    "10**9": lambda: 10**9,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "1j": lambda: 1j,
    "Decimal nan": lambda: decimal.Decimal("NaN"),
    "Decimal": lambda: decimal.Decimal("0.3"),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "empty text": lambda: "",
    "a letter": lambda: "x",
    "a number as text": lambda: "1",
    "blanks": lambda: "  \n ",
    "NUL": lambda: "a\0b",
    "no UTF-8": lambda: "caf\udce9",
    "lines": lambda: "a\nb\r\nc",
    "long text": lambda: "x" * 100_000,
    "braces": lambda: "{0} %s $\\frac{",
    "bracket": lambda: "(",
    "dots": lambda: "../../x",
    "no scheme": lambda: "nosuch://place/x",
    "bytes": lambda: b"a",
    "bytearray": lambda: bytearray(b"a"),
    "device": lambda: "/dev/null",
    "Path of a device": lambda: pathlib.Path("/dev/full"),
    "below a file": lambda: "/dev/null/x",
    "empty list": lambda: [],
    "list": lambda: [1, "2", None],
    "list of text": lambda: ["x", "y"],
    "list of floats": lambda: [1.5],
    "deep list": lambda: [[[[]]]],
    "empty tuple": lambda: (),
    "tuple of None": lambda: (None, None),
    "empty dict": lambda: {},
    "dict": lambda: {"x": 1},
    "dict of numbers": lambda: {1: 0.2},
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "long range": lambda: range(10**6),
    "no end": itertools.count,
    "generator": lambda: (n for n in "ab"),
    "object": object,
    "no repr": _NoRepr,
    "loud": _Loud,
    "class": lambda: int,
    "Exception": lambda: ValueError("x"),
    "NotImplemented": lambda: NotImplemented,
    "Ellipsis": lambda: ...,
    "function of none": lambda: lambda: 0,
    "function of four": lambda: lambda a, b, c, d: 0,
    "module": lambda: itertools,
    "int64": lambda: np.int64(-3),
    "float32 nan": lambda: np.float32("nan"),
    "bool array": lambda: np.array([True, False]),
    "array": lambda: np.arange(6.0).reshape(2, 3),
    "array of none": lambda: np.array(1),
    "empty array": lambda: np.zeros((0, 4), np.float32),
    "array of text": lambda: np.array(["a", "b"]),
    "array of objects": lambda: np.array([None, {}], object),
    "array of structures": lambda: np.zeros(2, [("a", "f4")]),
    "a layer": lambda: keras.layers.Dense(2),
    "a model without layers": keras.Sequential,
    "an optimizer's name": lambda: "adam",
    "an optimizer": keras.optimizers.Adam,
}
