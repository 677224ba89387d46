"""How does a page write texts, tables and pictures in HTML?

A text is escaped wherever it goes, unless it is `Html`: whoever adds a column need not
think of where its words came from.
"""

from __future__ import annotations

import base64
import dataclasses
import html
from collections.abc import Sequence
from typing import Any

STYLE = """\
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { font-size: 1.25rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
.note, figcaption { color: #555; font-size: .9rem }
.headline { font-size: 1.5rem; font-weight: 600; margin: 1rem 0 .2rem }
.headline + .note { margin-top: 0 }
.wide, .chart { overflow-x: auto }
.chart > div { width: 100%; min-height: 23rem }
.measures input { position: absolute; opacity: 0 }
.measures label { display: inline-block; padding: .2rem .7rem; margin: 0 .3rem .6rem 0;
  border: 1px solid #bbb; border-radius: 1rem; font-size: .85rem; cursor: pointer }
.measures input:checked + label { background: #0072b2; border-color: #0072b2;
  color: #fff }
.measures input:focus-visible + label { outline: 2px solid #1a1a1a }
.measure { display: none }
.m1:checked ~ .t1, .m2:checked ~ .t2, .m3:checked ~ .t3, .m4:checked ~ .t4 {
  display: block }
.first th:first-child { text-align: left }
table { border-collapse: collapse; font-size: .85rem;
  font-variant-numeric: tabular-nums }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
  vertical-align: top }
thead th { border-bottom: 2px solid #888 }
.names th, .names td { text-align: left }
td small { color: #555; white-space: nowrap; display: block }
figure { margin: 1.5rem 0 } figure img { width: 100%; height: auto }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; font-size: .85rem }
@media print {
  body { max-width: none; margin: 0; font-size: 11px }
  table { font-size: 8px } th, td { padding: .1rem .3rem }
  figure, tr, h2, h3 { break-inside: avoid } h2, h3 { break-after: avoid }
  .measure { display: block } .measures label { display: none }
  .wide { overflow: visible } pre { white-space: pre-wrap }
}"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes:
        caption: what it shows.
        svg: the content of an SVG file; empty where the chart alone is shown.
        chart: the same in Vega-Lite, for pages that can draw it.
    """

    caption: str
    svg: bytes
    chart: dict[str, Any] | None = None


class Html(str):
    """A text that is HTML already, as jinja2 knows such texts too."""

    def __html__(self) -> str:
        return self


def image(picture: Picture) -> Html:
    """The figure with its caption, its SVG inside the page."""
    data = base64.b64encode(picture.svg).decode("ascii")
    caption = escaped(picture.caption)
    return Html(
        f'<figure>\n<img alt="{caption}" src="data:image/svg+xml;base64,{data}">\n'
        f"<figcaption>{caption}</figcaption>\n</figure>"
    )


def table(head: Sequence[str], lines: Sequence[Sequence[str]], kind: str = "") -> Html:
    """A table of texts.

    Args:
        head: of each column.
        lines: cells by line.
        kind: class of the table, in `STYLE`.
    """
    marked = f' class="{kind}"' if kind else ""
    parts = [f'<div class="wide"><table{marked}>', "<thead><tr>"]
    parts += [f'<th scope="col">{escaped(cell)}</th>' for cell in head]
    parts.append("</tr></thead>\n<tbody>")
    for first, *others in lines:
        cells = "".join(f"<td>{escaped(cell)}</td>" for cell in others)
        parts.append(f'<tr><th scope="row">{escaped(first)}</th>{cells}</tr>')
    parts.append("</tbody></table></div>")
    return Html("\n".join(parts))


def with_small(number: str, span: str) -> Html:
    """A number, and small behind it its span, where it has one."""
    behind = f" <small>{escaped(span)}</small>" if span else ""
    return Html(f"{escaped(number)}{behind}")


def escaped(value: str) -> Html:
    """A text as HTML shows it."""
    return value if isinstance(value, Html) else Html(html.escape(value))
