"""How wide is a figure, and how large are its letters?

    with styles.chosen("neurips"):
        figure = density.draw({"": rows})    # 5.5 inches wide

"page" is that of the report. The others have the width of the text, or of a column, of
their venue's template and letters that are read at that width without scaling.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator

from lth_keras.errors import LotteryError, shown


@dataclasses.dataclass(frozen=True)
class Style:
    """The measures of a figure.

    Attributes:
        width: in inches.
        font: size of its letters, in points.
        across: panels that fit beside each other.
        height: what a height of the page's style is multiplied by.
        marker: size of the markers, in points.
        line: what widths of lines are multiplied by.
    """

    width: float
    font: float
    across: int
    height: float = 1.0
    marker: float = 4.0
    line: float = 1.0


PAGE = "page"
STYLES = {
    PAGE: Style(9.0, 9, 4),
    # The text of both is 5.5 inches wide.
    "neurips": Style(5.5, 7.5, 3, 0.68, 3.0, 0.8),
    "iclr": Style(5.5, 7.5, 3, 0.68, 3.0, 0.8),
    # A column of two.
    "icml": Style(3.25, 7.5, 1, 0.6, 3.0, 0.8),
}

_current: contextvars.ContextVar[Style] = contextvars.ContextVar(
    "style", default=STYLES[PAGE]
)


def current() -> Style:
    """The style that figures are drawn in."""
    return _current.get()


@contextlib.contextmanager
def chosen(name: str) -> Iterator[Style]:
    """Figures within are drawn in this style.

    Raises:
        LotteryError: there is none of that name.
    """
    if not isinstance(name, str) or name not in STYLES:
        raise LotteryError(f"style={shown(name)}: use {', '.join(STYLES)}.")
    token = _current.set(STYLES[name])
    try:
        yield STYLES[name]
    finally:
        _current.reset(token)
