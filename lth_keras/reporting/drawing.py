"""What the figures share: the look, the axis of P_m, the legend and the file.

matplotlib is imported where it is needed. Its style while a figure is drawn and while
it is saved is ours alone: everything happens within `style`.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.reporting import styles
from lth_keras.runs import display_names, wording
from lth_keras.storage import files, paths

# Okabe and Ito's colours, told apart with any colour vision; their yellow is left
# out, for it is faint on white. The ticket has the first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
GREY = "#666666"
MISSING = (
    "a figure needs matplotlib: pip install matplotlib, or this package with its "
    "'examples' extra"
)

# The share of an axis that a label of P_m needs, times the width of the axis.
_LABEL_INCHES = 0.38
_PAGE_FONT = styles.STYLES[styles.PAGE].font
# What a path's suffix may be.
FORMATS = ("png", "svg", "pdf")


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The look of every figure, whatever the user's own is; that stays as it was.

    Raises:
        LotteryError: if matplotlib is missing.
    """
    try:
        import matplotlib.figure
        import matplotlib.style
    except ImportError as error:
        raise LotteryError(MISSING) from error
    size = styles.current().font
    own = {
        "font.size": size,
        "axes.titlesize": size + 1,
        # The salt makes equal rows give an equal SVG.
        "svg.hashsalt": "lth_keras",
        # Letters that can be selected; venues refuse those of matplotlib's default.
        "pdf.fonttype": 42,
    }
    with matplotlib.style.context(["default", own]):
        yield


def new(height: float, title: str | None = None) -> Any:
    """An empty matplotlib figure as wide as the style, within `style`.

    Args:
        height: in inches, where the style is the page's: 9 inches, 1800 pixels, wide.
        title: a line above the panels.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(wspace=0.05, hspace=0.05)
    look = styles.current()
    size = look.width, height * look.height
    drawing = Figure(figsize=size, dpi=200, layout=layout)
    if title:
        drawing.suptitle(title, fontsize=look.font + 2)
    return drawing


def check_path(path: paths.PathLike) -> str:
    """The format that a figure's path asks for: "png", "svg" or "pdf".

    Raises:
        LotteryError: it asks for another.
    """
    suffix = os.path.splitext(paths.as_path(path))[1].lower()
    if suffix[1:] not in FORMATS:
        raise LotteryError(f"figure path {path} must end in .png, .svg or .pdf")
    return suffix[1:]


def content(drawing: Any, form: str) -> bytes:
    """The figure as the bytes of a file, the same for the same data.

    Args:
        drawing: a matplotlib figure.
        form: "png", "svg" or "pdf".
    """
    buffer = io.BytesIO()
    with style():
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        metadata = dates.get(form)
        drawing.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()


def save(drawing: Any, path: paths.PathLike) -> None:
    """Writes a figure atomically as PNG, SVG or PDF, as the path's suffix says.

    Raises:
        LotteryError: if the suffix is another, or the file cannot be written.
    """
    files.write_bytes(path, content(drawing, check_path(path)))


def grid(axes: Any) -> None:
    """Faint lines behind the data, and no frame at the top and the right."""
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def panel_inches(across: int) -> float:
    """About how wide a panel is, of some beside each other in the style's width."""
    return max(1.0, styles.current().width / across - 0.7)


def across(most: int, count: int) -> int:
    """How many panels of a figure stand beside each other.

    Args:
        most: on a page.
        count: how many there are.
    """
    return max(1, min(most, count, styles.current().across))


def density_axis(axes: Any, percents: Sequence[float], inches: float = 3.8) -> None:
    """Makes x the percentage of weights kept: logarithmic, descending as in the paper.

    Args:
        axes: a panel.
        percents: P_m of every level, in percent.
        inches: about how wide the panel is, which decides how many labels fit.
    """
    axes.set_xscale("log")
    # Half a level of room at the ends; also for a single level.
    axes.set_xlim(max(percents) * 1.12, min(percents) / 1.12)
    scale = styles.current().font / _PAGE_FONT
    ticks = thin(percents, _LABEL_INCHES * scale / inches)
    axes.set_xticks(ticks, [wording.percent_kept(tick / 100) for tick in ticks])
    axes.set_xticks(percents, minor=True)
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("weights remaining (%)")
    grid(axes)


def thin(percents: Sequence[float], share: float = 0.1) -> list[float]:
    """Those far enough apart on a logarithmic axis for their labels not to touch.

    Args:
        percents: where labels could be, in any order.
        share: of the axis, that a label needs.
    """
    span = math.log(max(percents) / min(percents)) or 1.0
    kept: list[float] = []
    for percent in sorted(set(percents), reverse=True):
        if not kept or math.log(kept[-1] / percent) >= share * span:
            kept.append(percent)
    return kept


def not_measured(axes: Any) -> None:
    """Says in an empty panel why it is empty."""
    axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")


def handles(panels: Iterable[Any]) -> dict[str, Any]:
    """What the panels' lines are called, and one line for each, as first met."""
    found: dict[str, Any] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def entry_text(label: str, inches: float) -> str:
    """A line's name in words, in as many lines as fit.

    Args:
        label: as the line has it.
        inches: how wide the legend may be.
    """
    letter = 0.065 * styles.current().font / _PAGE_FONT
    letters = max(12, int((inches - 0.8) / letter))
    return textwrap.fill(display_names.line(label), letters)


def legend(drawing: Any, entries: dict[str, Any], title: str | None = None) -> None:
    """One legend for all panels, below them, in as few full rows as fit."""
    if not entries:
        return
    look = styles.current()
    entries = {entry_text(label, look.width): entry for label, entry in entries.items()}
    longest = max(len(line) for label in entries for line in label.split("\n"))
    each = (0.065 * longest + 0.6) * look.font / _PAGE_FONT
    most = max(1, int((look.width - 0.3) / each))
    rows = math.ceil(len(entries) / most)
    drawing.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=math.ceil(len(entries) / rows),
        title=title,
        frameon=False,
    )
