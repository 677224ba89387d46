"""The paper's two curves of a search, drawn from its stored result rows alone.

The rows are those of `report`; matplotlib is imported where it is needed.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras import files, report
from lth_keras.compat import LotteryError

_DENSE = "dense network"

# Okabe and Ito's colours, told apart with any colour vision; their yellow is left
# out, for it is faint on white. The ticket has the first.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX"


def figure(
    rows: Iterable[Mapping[str, Any]],
    path: files.PathLike,
    title: str | None = None,
) -> None:
    """Draws the two curves of the paper against the percentage of weights remaining.

    Left the test accuracy at the end of training, right the early-stopping iteration;
    the ticket solid, controls dashed, the dense network a horizontal line. Points are
    means over trials and replicates, bars their minimum and maximum.

    Args:
        rows: result rows.
        path: where to write, atomically; ``.png`` (1800 pixels wide) or ``.svg``.
        title: a line above the panels.

    Raises:
        LotteryError: if matplotlib is missing, the suffix is another, there are no
            rows, or the file cannot be written.
    """
    suffix = os.path.splitext(files.as_path(path))[1].lower()
    if suffix not in (".png", ".svg"):
        raise LotteryError(f"figure path {path} must end in .png or .svg")
    columns = report.columns_of(report.summarise(rows))
    try:
        import matplotlib.style
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise LotteryError(
            "a figure needs matplotlib: pip install matplotlib, or this package with "
            "its 'examples' extra"
        ) from error
    # The user's own style must not leak into the figure, nor ours out of it. The
    # salt makes equal rows give an equal SVG.
    style = {"font.size": 9, "svg.hashsalt": "lth_keras", "axes.grid": True}
    with matplotlib.style.context(["default", style]):
        layout = ConstrainedLayoutEngine(wspace=0.05)
        drawing = Figure(figsize=(9, 4), dpi=200, layout=layout)
        panels = drawing.subplots(1, 2)
        _panel(panels[0], columns, "test_accuracy", "test accuracy after training (%)")
        _panel(panels[1], columns, "early_stop_iteration", "early-stopping iteration")
        if title:
            drawing.suptitle(title, fontsize=11)
        _legend(drawing, panels)
        content = io.BytesIO()
        metadata = {"Date": None} if suffix == ".svg" else None
        drawing.savefig(content, format=suffix[1:], metadata=metadata)
    files.write_bytes(path, content.getvalue())


def _panel(
    axes: Any, columns: Sequence[report.Column], metric: str, label: str
) -> None:
    """Draws one metric of every column against the percentage of weights kept."""
    scale = 1 if metric == "early_stop_iteration" else 100
    for index, column in enumerate(columns):
        points = [
            (100 * summary.density, statistic)
            for summary in column.values()
            if (statistic := summary.metrics[metric])
        ]
        if not points:
            continue
        means = [scale * statistic.mean for _, statistic in points]
        is_ticket = next(iter(column.values())).control == report.TICKET
        bars = [
            [scale * (s.mean - s.minimum) for _, s in points],
            [scale * (s.maximum - s.mean) for _, s in points],
        ]
        axes.errorbar(
            [percent for percent, _ in points],
            means,
            yerr=bars if any(s.samples > 1 for _, s in points) else None,
            label=next(iter(column.values())).label,
            color=_COLOURS[index % len(_COLOURS)],
            marker=_MARKERS[index % len(_MARKERS)],
            linestyle="-" if is_ticket else "--",
            markersize=4,
            linewidth=1.6 if is_ticket else 1.2,
            elinewidth=0.8,
            capsize=2,
            zorder=3 if is_ticket else 2.5,
        )
        if is_ticket and (dense := column.get(0)) and dense.metrics[metric]:
            axes.axhline(
                means[0], color="#666666", linewidth=1, linestyle=":", label=_DENSE
            )
    if not axes.lines:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")
    percents = [100 * density for density in report.densities(columns).values()]
    axes.set_xscale("log")
    # Half a level of room at the ends; also for a single level.
    axes.set_xlim(max(percents) * 1.12, min(percents) / 1.12)
    ticks = _thin(percents)
    axes.set_xticks(ticks, [report.percent_kept(tick / 100) for tick in ticks])
    axes.set_xticks(percents, minor=True)
    axes.xaxis.set_minor_formatter("")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("weights remaining (%)")
    axes.set_ylabel(label)


def _legend(drawing: Any, panels: Iterable[Any]) -> None:
    """One legend for all panels, below them: the ticket, the controls, the line."""
    handles: dict[str, Any] = {}
    for panel in panels:
        found, labels = panel.get_legend_handles_labels()
        handles.update(zip(labels, found, strict=True))
    labels = sorted(handles, key=lambda label: label == _DENSE)
    if labels:
        drawing.legend(
            [handles[label] for label in labels],
            labels,
            loc="outside lower center",
            ncols=min(5, len(labels)),
            frameon=False,
        )


def _thin(percents: Sequence[float]) -> list[float]:
    """Those far enough apart on a logarithmic axis for their labels not to touch."""
    span = math.log(max(percents) / min(percents)) or 1.0
    kept: list[float] = []
    for percent in sorted(percents, reverse=True):
        if not kept or math.log(kept[-1] / percent) >= 0.1 * span:
            kept.append(percent)
    return kept
