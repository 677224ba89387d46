"""What must a field of a JSON object be that somebody else may have written?

    found = fields.Record(files.read_json(path), path, "copy the ticket again")
    level = found.whole("level")
    parent = found.text("parent", fields.SHA256, optional=True)

Every refusal is one line that names the object, the field, what is allowed, and what
to do.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence
from typing import Any, Literal, overload

from lth_keras.errors import LotteryError, shown

SHA256 = re.compile("[0-9a-f]{64}")
_LARGEST = 2**63 - 1  # of NumPy's integers


class Record:
    """A JSON object, of which each field is asked for by its kind.

    Args:
        value: what was read.
        what: how a message names it: the path of its file, or "result row 3".
        advice: what to do about it, as the last part of a message.

    Raises:
        LotteryError: it is no object.
    """

    def __init__(self, value: Any, what: str, advice: str = ""):
        self.what, self._advice = what, f": {advice}." if advice else ""
        if not isinstance(value, dict):
            raise LotteryError(f"{what} is no JSON object{self._advice}")
        self.values: dict[str, Any] = value

    def refusal(self, name: str, allowed: str) -> LotteryError:
        """What is raised where a field is not as it must be, or not there."""
        if name not in self.values:
            return LotteryError(f"{self.what} has no {name!r}{self._advice}")
        return LotteryError(
            f"{self.what} has {name} {shown(self.values[name])}, where {allowed} is "
            f"right{self._advice}"
        )

    def present(self, name: str) -> Record:
        """The record itself, which has the field, were it null.

        Raises:
            LotteryError: it has not.
        """
        if name not in self.values:
            raise self.refusal(name, "a value")
        return self

    def _missing(self, name: str, optional: bool) -> bool:
        return optional and self.values.get(name) is None

    @overload
    def whole(
        self, name: str, most: int = ..., optional: Literal[False] = ...
    ) -> int: ...

    @overload
    def whole(self, name: str, most: int = ..., optional: bool = ...) -> int | None: ...

    def whole(
        self, name: str, most: int = _LARGEST, optional: bool = False
    ) -> int | None:
        """An integer from 0; None for one that is optional and null or not there.

        Raises:
            LotteryError: it is something else.
        """
        if self._missing(name, optional):
            return None
        value: Any = self.values.get(name)
        if not is_whole(value) or not 0 <= value <= most:
            raise self.refusal(name, f"an integer from 0 to {most}")
        return int(value)

    def number(
        self, name: str, allowed: str = "a finite number", optional: bool = True
    ) -> float | None:
        """A finite number; None for one that is optional and null or not there.

        Raises:
            LotteryError: it is something else.
        """
        if self._missing(name, optional):
            return None
        value = self.values.get(name)
        if not is_number(value):
            raise self.refusal(name, allowed)
        return value

    def fraction(self, name: str) -> float:
        """A number over 0 and at most 1.

        Raises:
            LotteryError: it is something else.
        """
        allowed = "a fraction over 0 and at most 1"
        value = self.number(name, allowed, optional=False)
        if value is None or not 0 < value <= 1:
            raise self.refusal(name, allowed)
        return value

    @overload
    def text(
        self, name: str, pattern: re.Pattern[str], optional: Literal[False] = ...
    ) -> str: ...

    @overload
    def text(
        self, name: str, pattern: re.Pattern[str], optional: bool = ...
    ) -> str | None: ...

    def text(
        self, name: str, pattern: re.Pattern[str], optional: bool = False
    ) -> str | None:
        """A text that a pattern matches whole.

        Raises:
            LotteryError: it is something else.
        """
        if self._missing(name, optional):
            return None
        value = self.values.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.refusal(name, f"a text like {pattern.pattern}")
        return value

    def object(self, name: str, optional: bool = False) -> dict[str, Any]:
        """A JSON object; an empty one for an optional one that is null or not there.

        Raises:
            LotteryError: it is something else.
        """
        if self._missing(name, optional):
            return {}
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise self.refusal(name, "a JSON object")
        return value

    def list(self, name: str) -> Sequence[Any]:
        """A list.

        Raises:
            LotteryError: it is something else.
        """
        value = self.values.get(name)
        if not isinstance(value, list):
            raise self.refusal(name, "a list")
        return value


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and no boolean."""
    if is_whole(value):
        return abs(value) <= _LARGEST
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value)


def is_whole(value: Any) -> bool:
    """Whether it is an integer, and no boolean."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
