"""What must each field of a result row be that somebody else may have written?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lth_keras.runs import layout
from lth_keras.storage import fields

_CONTROL = re.compile(layout.CONTROL)
_WORD = re.compile("[A-Za-z0-9_.=+,-]{1,200}")
# What a control may have been given, paths too; any other letter as in addresses.
_SETTING = re.compile("[A-Za-z0-9_.=+,:/%~ -]{1,1000}")
# Of metrics Keras takes any name; one of several lines would break a message.
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_METRICS = ("metrics", "early_stop_metrics")
# Numbers that lines of earlier versions do not have, and are not given.
_LATER = ("initial_test_accuracy",)
_FRACTIONS = ("effective_density", "dense_share")
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
    for name in _FRACTIONS:
        share = record.number(name)
        if share is not None and not 0 <= share <= 1:
            raise record.refusal(name, "a fraction from 0 to 1")
    for name in _WHOLE:
        record.whole(name, optional=True)
    for name in (*numbers, *_LATER):
        record.number(name)
    parameters = record.object("parameters", optional=True)
    if not all(
        _WORD.fullmatch(name) and _is_setting(value)
        for name, value in parameters.items()
    ):
        raise record.refusal("parameters", "an object of numbers, words and paths")
    for name in ("monitor_metric", "keras", "backend"):
        record.text(name, _NAME, optional=True)
    if not isinstance(record.values.get("early_stop_censored"), (bool, type(None))):
        raise record.refusal("early_stop_censored", "true, false or null")
    for place in _METRICS:
        metrics = record.object(place, optional=True)
        if not all(
            _NAME.fullmatch(name) and (value is None or fields.is_number(value))
            for name, value in metrics.items()
        ):
            raise record.refusal(place, "an object of finite numbers by name")
    row = record.values
    return {**row, **{name: None for name in numbers if name not in row}}


def _is_setting(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_SETTING.fullmatch(value))
    return value is None or isinstance(value, bool) or fields.is_number(value)
