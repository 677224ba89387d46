"""How does a notebook show our objects? As a small HTML table of texts.

`_repr_html_` of tickets, searches and results is one of these. Everything is escaped:
names and values may come from files of others.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

# Lines that a notebook shows; what follows is counted.
MOST_LINES = 40


def table(
    head: Sequence[str],
    lines: Sequence[Sequence[str]],
    note: str = "",
    caption: str = "",
) -> str:
    """A table of plain texts as HTML.

    Args:
        head: a text for each column.
        lines: a text for each column of each line; those after the 40th are counted.
        note: below the table.
        caption: above it.
    """
    parts = ["<table>"]
    if caption:
        parts.append(f"<caption>{html.escape(caption)}</caption>")
    parts += ["<thead>", _line(head, "th"), "</thead>", "<tbody>"]
    parts += [_line(cells, "td") for cells in lines[:MOST_LINES]]
    parts += ["</tbody>", "</table>"]
    if (more := len(lines) - MOST_LINES) > 0:
        note = f"{more} more lines. {note}".strip()
    if note:
        parts.append(f"<p>{html.escape(note)}</p>")
    return "\n".join(parts)


def _line(cells: Sequence[str], kind: str) -> str:
    return (
        "<tr>" + "".join(f"<{kind}>{html.escape(c)}</{kind}>" for c in cells) + "</tr>"
    )
