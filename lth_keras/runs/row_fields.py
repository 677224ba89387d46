"""What must each field of a result row be that somebody else may have written?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lth_keras.runs import layout
from lth_keras.storage import fields

_CONTROL = re.compile(layout.CONTROL)
_WORD = re.compile("[A-Za-z0-9_.=+,-]{1,200}")
_WHOLE = ("trial", "replicate", "iterations", "seed")


def checked(record: fields.Record, numbers: Iterable[str]) -> dict[str, Any]:
    """The row, in which every field that is read has its kind.

    Args:
        record: the row. Level, control and density must be there; everything else may
            be null or missing, as what was not measured is.
        numbers: names of the fields that are numbers.

    Returns:
        The row itself; those of `numbers` that it has not, are None.

    Raises:
        LotteryError: names the field.
    """
    record.whole("level")
    record.text("control", _CONTROL)
    record.fraction("density")
    for name in _WHOLE:
        record.whole(name, optional=True)
    for name in numbers:
        record.number(name)
    parameters = record.object("parameters", optional=True)
    if not all(
        _WORD.fullmatch(name) and _is_setting(value)
        for name, value in parameters.items()
    ):
        raise record.refusal("parameters", "an object of numbers and words")
    row = record.values
    return {**row, **{name: None for name in numbers if name not in row}}


def _is_setting(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_WORD.fullmatch(value))
    return value is None or isinstance(value, bool) or fields.is_number(value)
