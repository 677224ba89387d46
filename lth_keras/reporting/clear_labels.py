"""Labels beside points of a figure, as many as stand clear of each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# In inches: a letter's width, a line's height, and where a label begins from its point.
_LETTER, _LINE = 0.06, 0.13
_RIGHT, _UP = 0.04, 0.06


class Label(NamedTuple):
    """A text beside a point.

    Attributes:
        x: of the point, in data.
        y: of the point, in data.
        text: what stands beside it.
        colour: of the text.
        rank: 0 for a label that covers a point rather than being left out; of others
            the lower comes first.
    """

    x: float
    y: float
    text: str
    colour: str
    rank: int


def write(axes: Any, labels: Iterable[Label], inches: Sequence[float]) -> None:
    """Writes labels of points, but for those that would cover labels or points.

    Args:
        axes: with all points drawn, and their limits set.
        labels: one of each point.
        inches: about how wide and high the axes are.
    """
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()

    def place(label: Label) -> tuple[float, float]:
        across = (label.x - left) / (right - left) * inches[0]
        return across, (label.y - bottom) / (top - bottom) * inches[1]

    ranked = sorted(labels, key=lambda label: label.rank)
    points = [place(label) for label in ranked]
    taken: list[tuple[float, float, float]] = []
    for label, (x, y) in zip(ranked, points, strict=True):
        begin, up = x + _RIGHT, y + _UP
        end = begin + _LETTER * (len(label.text) + 1)
        covers = label.rank > 0 and any(
            begin < across < end and up < above < up + _LINE for across, above in points
        )
        if covers or any(
            abs(up - other) < _LINE and begin < stop and start < end
            for start, stop, other in taken
        ):
            continue
        taken.append((begin, end, up))
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(72 * _RIGHT, 72 * _UP),
            textcoords="offset points",
            fontsize=7,
            color=label.colour,
        )
