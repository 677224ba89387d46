"""Which lines has a figure against density, and how does each look?

    lines({"mnist": rows})  # the ticket first, then its controls

The rows are those of `runs.summaries`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import drawing
from lth_keras.runs import summaries
from lth_keras.runs.shown_metric import Metric

Rows = Iterable[Mapping[str, Any]]

_DASHES = ("--", "-.", ":")


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a figure: a column of the table, and how it is drawn.

    Attributes:
        label: its name in the legend.
        column: summaries by level.
        colour: of the line, its markers and bars.
        marker: matplotlib's name of the marker.
        dashes: matplotlib's line style; tickets are solid.
    """

    label: str
    column: summaries.Column
    colour: str
    marker: str
    dashes: str = "-"

    @property
    def is_ticket(self) -> bool:
        return next(iter(self.column.values())).control == summaries.TICKET


def lines(
    series: Mapping[str, Rows],
    names: Iterable[str] | None = None,
    metric: Metric | None = None,
) -> list[Line]:
    """The lines of one search or of several, each with its colour and marker.

    Args:
        series: result rows by the name of their search.
        names: of all the searches, where some of them may be missing in `series`.
        metric: what is shown of the test data; by default what the rows name.

    Raises:
        LotteryError: if a search has no rows, or several have more than three kinds of
            controls.
    """
    columns = {name: _ordered(rows, metric) for name, rows in series.items()}
    every = list(series if names is None else names)
    if len(every) == 1:
        (found,) = columns.values()
        # The ticket's look is its own, also where there are controls only.
        first = 0 if _label(found[0]) == summaries.TICKET else 1
        return [
            Line(_label(column), column, *_look(index))
            for index, column in enumerate(found, start=first)
        ]
    labels = dict.fromkeys(_label(c) for found in columns.values() for c in found)
    controls = [label for label in labels if label != summaries.TICKET]
    if len(controls) > len(_DASHES):
        raise LotteryError(
            f"controls: {len(controls)} of several searches are more than one figure "
            f"can tell apart; choose at most {len(_DASHES)} of {', '.join(controls)}"
        )
    dashes = dict(zip(controls, _DASHES, strict=False))
    return [
        Line(
            name if label == summaries.TICKET else f"{name}, {label}",
            column,
            drawing.COLOURS[index % len(drawing.COLOURS)],
            drawing.MARKERS[index % len(drawing.MARKERS)],
            dashes.get(label, "-"),
        )
        for name, found in columns.items()
        for index in [every.index(name)]
        for column in found
        for label in [_label(column)]
    ]


def _ordered(rows: Rows, metric: Metric | None) -> list[summaries.Column]:
    """The columns, with the paper's own control before all others."""
    order = {summaries.TICKET: 0, "random_reinit": 1}
    columns = summaries.columns_of(summaries.summarise(rows, metric))
    return sorted(columns, key=lambda column: order.get(_label(column), 2))


def _label(column: summaries.Column) -> str:
    return next(iter(column.values())).label


def _look(index: int) -> tuple[str, str, str]:
    """Colour, marker and dashes of a search's n-th line, 0 the ticket."""
    if index == 0:
        return drawing.COLOURS[0], drawing.MARKERS[0], "-"
    others = len(drawing.COLOURS) - 1
    turn, place = divmod(index - 1, others)
    return (
        drawing.COLOURS[1 + place],
        drawing.MARKERS[1 + place],
        _DASHES[turn % len(_DASHES)],
    )
