"""How does a page write texts, tables and pictures in HTML?

Everything that came from outside goes through `escaped`.
"""

from __future__ import annotations

import base64
import dataclasses
import html
from collections.abc import Sequence

STYLE = """\
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { font-size: 1.25rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
.note, figcaption { color: #555; font-size: .9rem }
.wide { overflow-x: auto }
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
  .wide { overflow: visible } pre { white-space: pre-wrap }
}"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes:
        caption: what it shows.
        svg: the content of an SVG file.
    """

    caption: str
    svg: bytes


def image(picture: Picture) -> str:
    """The figure with its caption, its SVG inside the page."""
    data = base64.b64encode(picture.svg).decode("ascii")
    caption = escaped(picture.caption)
    return (
        f'<figure>\n<img alt="{caption}" src="data:image/svg+xml;base64,{data}">\n'
        f"<figcaption>{caption}</figcaption>\n</figure>"
    )


def table(head: Sequence[str], lines: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table of texts that are HTML already."""
    marked = f' class="{kind}"' if kind else ""
    parts = [f'<div class="wide"><table{marked}>', "<thead><tr>"]
    parts += [f'<th scope="col">{cell}</th>' for cell in head]
    parts.append("</tr></thead>\n<tbody>")
    for first, *others in lines:
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        parts.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    parts.append("</tbody></table></div>")
    return "\n".join(parts)


def small(span: str) -> str:
    """What stands small behind a number; nothing for nothing."""
    return f" <small>{span}</small>" if span else ""


def escaped(value: str) -> str:
    """A text as HTML shows it."""
    return html.escape(value)
