"""Strict JSON: parsed as what somebody else may have written, and what can be written.

Nothing that is parsed is nested deeper than any walk through it can follow, and every
text in it can be written again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError

# Levels of lists and objects. Configurations of deep models have some twenty.
_DEEPEST = 100
# Half of a pair of UTF-16: no text of it can be encoded.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(data: bytes, path: str, line: int | None = None) -> Any:
    """The value of a JSON text.

    Args:
        data: the text in UTF-8.
        path: where it is from, for the message.
        line: number of the line that it is, if it is one.

    Raises:
        LotteryError: it is not strict JSON (NaN and Infinity are not), is nested too
            deeply, or holds what is no text; gives the line.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not strict JSON")

    try:
        value = json.loads(data.decode(), parse_constant=refuse)
        if data.count(b"[") + data.count(b"{") > _DEEPEST:
            _check_depth(value)
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        place, reason = line or error.lineno, error.msg
    except (RecursionError, MemoryError):
        place, reason = line or 1, "it is nested too deeply, or too large"
    except UnicodeEncodeError:
        place, reason = line or 1, "a text in it is not Unicode"
    except ValueError as error:
        place, reason = line or 1, str(error)
    raise LotteryError(f"{path} line {place} is corrupt: {reason}")


def plain(value: Any) -> Any:
    """The value as JSON can hold it, floats that are not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float) or (
        isinstance(value, np.generic) and not isinstance(value, str)
    ):
        return float(value) if math.isfinite(value) else None
    return value


def _check_depth(value: Any) -> None:
    """Level by level, for a recursion would end where the nesting does not."""
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(_DEEPEST):
        layer = [
            item
            for each in layer
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, (dict, list))
        ]
        if not layer:
            return
    raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
