"""result.json and curve.json of a finished run: the one reader of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.runs import repair, row_fields, summaries
from lth_keras.runs.layout import LevelDirectory
from lth_keras.storage import fields, files

# An evaluation at every step of a long training, in bytes.
_LARGEST_CURVE = 1 << 28


@dataclasses.dataclass(frozen=True, eq=False)
class StoredCurve:
    """What was measured while a run trained; None stands for no finite number.

    Attributes:
        curve: the metrics by iteration, all of one length.
        epochs: Keras's own history, by epoch.
    """

    curve: dict[str, list[Any]]
    epochs: dict[str, list[Any]]


def row(place: LevelDirectory) -> dict[str, Any]:
    """The result row of a finished run.

    Raises:
        LotteryError: the file is missing or damaged, a field is of another kind, or
            it is the row of another run.
    """
    with repair.advised(place.root):
        value = files.read_json(place.result)
        if not isinstance(value, dict):
            raise LotteryError(f"{place.result} is no result row")
        record = fields.Record(value, place.result)
        found = row_fields.checked(record, (*summaries.METRICS, "seconds"))
        if place.level is not None and not _is_of(found, place):
            raise LotteryError(
                f"{place.result} is of another run: level {found['level']} of "
                f"{found['control']}"
            )
        return found


def curve(place: LevelDirectory) -> StoredCurve:
    """The curve of a finished run.

    Raises:
        LotteryError: the file is missing or damaged, or holds something else.
    """
    with repair.advised(place.root):
        stored = files.read_json(place.curve, _LARGEST_CURVE)
        values = stored.get("curve") if isinstance(stored, dict) else None
        if not isinstance(values, dict) or not isinstance(
            values.get("iteration"), list
        ):
            raise LotteryError(f"{place.curve} holds no curve by iteration")
        if not all(fields.is_whole(step) and step >= 0 for step in values["iteration"]):
            raise LotteryError(f"{place.curve} has iterations that are no integers")
        length = len(values["iteration"])
        for name, column in values.items():
            if not _is_column(column) or len(column) != length:
                raise LotteryError(
                    f"{place.curve} has not {length} numbers for {name[:100]!r}"
                )
        epochs = stored.get("epochs", {})
        if not isinstance(epochs, dict) or not all(
            isinstance(column, list) for column in epochs.values()
        ):
            raise LotteryError(f"{place.curve} holds no history by epoch")
        return StoredCurve(values, epochs)


def _is_of(row: dict[str, Any], place: LevelDirectory) -> bool:
    """Whether a row is of the run that a directory is named after."""
    name = row["control"]
    alike = (
        place.control == name
        if summaries.TICKET in (name, place.control)
        # Parameters may hold every character that stands between names.
        else place.control.startswith(name.partition("+")[0])
    )
    return (
        alike
        and row["level"] == place.level
        and (row.get("replicate") or 0) == place.replicate
    )


def _is_column(values: Any) -> bool:
    return isinstance(values, Sequence) and all(
        value is None or fields.is_number(value) for value in values
    )
