"""Headings, text, tables and figures as one HTML file with everything inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from cu_core.base.display_text import CELL, cut, visible

# Scripts and styles of the file itself, and nothing from anywhere: what a browser then cannot even ask for. WebGL
# charts compile their drawing code from text, and pictures are saved by way of blobs.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:"
)

_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1d26; background: #fff; max-width: 1180px; margin: 2rem auto;
  padding: 0 1.2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin-bottom: 0.2rem; } h2 { margin-top: 2.4rem; } p.note { color: #5c5f6b; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 4px 10px; border-bottom: 1px solid #dcdde4; text-align: left; vertical-align: top; }
th { overflow-wrap: normal; } td { min-width: 4rem; overflow-wrap: break-word; }
td:first-child { min-width: 12rem; overflow-wrap: normal; } td:nth-child(2):last-child { overflow-wrap: anywhere; }
th { cursor: pointer; vertical-align: bottom; } th[aria-sort]::after { content: " ▾"; }
th[aria-sort="ascending"]::after { content: " ▴"; }
.wide { overflow-x: auto; } details { margin: 0.5rem 0; } summary { cursor: pointer; }
nav a { margin-right: 1rem; } p.headline { font-size: 1.35rem; font-weight: 600; margin: 0.6rem 0; }
p.pictures img { width: 48px; image-rendering: pixelated; margin-right: 3px; }
@media print {
  nav { display: none; } body { font-size: 11px; margin: 0; max-width: none; } tr, p { break-inside: avoid; }
  .wide { overflow: visible; } table { font-size: 10px; } th, td { padding: 2px 5px; }
  th, td, td:first-child { min-width: 0; overflow-wrap: break-word; }
}
"""

_SCRIPT = """
"use strict"
const camera = (format) => ({
  name: format, title: "Save as " + format.toUpperCase(), icon: Plotly.Icons[format === "png" ? "camera" : "disk"],
  click: (chart) => Plotly.downloadImage(chart, { format, filename: "unlearnscope", scale: format === "png" ? 2 : 1 }),
})
for (const place of document.querySelectorAll("[data-figure]")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent)
  Plotly.newPlot(place, {
    data: figure.data, layout: figure.layout, frames: figure.frames || [],
    config: { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["toImage"],
      modeBarButtonsToAdd: [camera("png"), camera("svg")] },
  })
}
// A click on a head sorts by that column, a second one turns the order around.
for (const head of document.querySelectorAll("th")) {
  head.addEventListener("click", () => {
    const table = head.closest("table"), rows = [...table.tBodies[0].rows]
    const up = head.getAttribute("aria-sort") !== "ascending"
    const key = (row) => row.cells[head.cellIndex].textContent.trim()
    const number = (text) => parseFloat(text.replaceAll(",", ""))
    rows.sort((a, b) => {
      const [x, y] = [key(a), key(b)], [m, n] = [number(x), number(y)]
      if (isNaN(m) !== isNaN(n)) return isNaN(m) ? 1 : -1 // what is missing comes last, both ways
      const order = isNaN(m) ? x.localeCompare(y) : m - n
      return up ? order : -order
    })
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort")
    head.setAttribute("aria-sort", up ? "ascending" : "descending")
    table.tBodies[0].append(...rows)
  })
}
"""


@dataclass(frozen=True)
class TableBlock:
    """A table of texts.

    Attributes:
        head: column headings.
        rows: as many cells each.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class FigureBlock:
    """A chart.

    Attributes:
        figure: as the figure builders make it.
        alt: what it shows, in words.
    """

    figure: go.Figure
    alt: str


@dataclass(frozen=True)
class Headline:
    """A sentence nearly as large as a heading, whatever it says."""

    text: str


@dataclass(frozen=True)
class PictureBlock:
    """Small pictures side by side.

    Attributes:
        addresses: data addresses of PNG files; what is none is left out.
        alt: what they show, in words.
    """

    addresses: Sequence[str]
    alt: str


@dataclass(frozen=True)
class Folded:
    """Blocks that are opened with a click.

    Attributes:
        title: what is inside.
        blocks: the blocks.
    """

    title: str
    blocks: Sequence[Block]


Block = str | Headline | TableBlock | FigureBlock | PictureBlock | Folded
"""A paragraph of plain text, a large one, a table, a chart, small pictures, or some of them folded away."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """What a file holds.

    Attributes:
        title: of the document.
        facts: lines below the title.
        sections: in order.
        data: JSON-ready; lies in the file as ``<script type="application/json" id="unlearnscope">``.
        sized: whether its text states the file's size.
    """

    title: str
    facts: Sequence[str]
    sections: Sequence[Section]
    data: Mapping[str, Any] = field(default_factory=dict)
    sized: bool = True


def html_of(document: Document) -> str:
    """The document as one HTML file that loads nothing.

    Raises:
        ValueError: `Document.data` holds a number that JSON has no word for.
    """
    figures: list[str] = []
    links = " ".join(f'<a href="#s{n}">{_shown(s.title)}</a>' for n, s in enumerate(document.sections))
    body = [f"<nav>{links}</nav>"]
    for number, section in enumerate(document.sections):
        body.append(f'<section id="s{number}">{_element("h2", section.title)}')
        body += [_block(block, figures) for block in section.blocks]
        body.append("</section>")
    plotly = f"<script>{get_plotlyjs()}</script>" if figures else "<script>const Plotly = null</script>"
    head = "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_shown(document.title)}</title><style>{_STYLE}</style></head><body>",
            _element("h1", document.title),
            *(_note(fact) for fact in document.facts),
        ]
    )
    rest = "\n".join(
        [
            *body,
            _json_script("unlearnscope", json.dumps(document.data, allow_nan=False)),
            *(_json_script(f"f{number}", text) for number, text in enumerate(figures)),
            plotly,
            f"<script>{_SCRIPT}</script></body></html>\n",
        ]
    )
    if not document.sized:
        return f"{head}\n{rest}"
    size = _size_words(len(head.encode()) + len(rest.encode()))
    return f"{head}\n{_note(f'Size of this file: {size}.')}\n{rest}"


def _block(block: Block, figures: list[str]) -> str:
    if isinstance(block, TableBlock):
        head = "".join(_element("th", cell) for cell in block.head)
        rows = "".join(f"<tr>{''.join(_element('td', c) for c in row)}</tr>" for row in block.rows)
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    if isinstance(block, FigureBlock):
        figures.append(block.figure.to_json())
        height = block.figure.layout.height or 450
        name = escape(visible(block.alt), quote=True)
        return (
            f'<div data-figure="f{len(figures) - 1}" role="img" aria-label="{name}" style="height:{height:g}px"></div>'
        )
    if isinstance(block, Headline):
        return f'<p class="headline">{escape(visible(block.text))}</p>'
    if isinstance(block, PictureBlock):
        alt = escape(visible(block.alt), quote=True)
        shown = (address for address in block.addresses if _PNG.fullmatch(address))
        return f'<p class="pictures">{"".join(f"""<img alt="{alt}" src="{address}">""" for address in shown)}</p>'
    if isinstance(block, Folded):
        inside = "".join(_block(inner, figures) for inner in block.blocks)
        return f"<details>{_element('summary', block.title)}{inside}</details>"
    return _note(block)


def _element(tag: str, text: str) -> str:
    """An element that holds a text; of a long one the middle is left out, and the whole is shown under the pointer."""
    whole = escape(visible(text), quote=True)
    about = f' title="{whole}"' if len(text) > CELL else ""
    return f"<{tag}{about}>{_shown(text)}</{tag}>"


def _shown(text: str) -> str:
    return escape(cut(visible(text), CELL))


def _note(text: str) -> str:
    return f'<p class="note">{escape(visible(text))}</p>'


def _json_script(name: str, text: str) -> str:
    """JSON inside the page, which no browser takes for markup, whatever names users gave their files."""
    inert = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{name}">{inert}</script>'


def _size_words(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
