"""Drawings of the glossary as HTML and SVG: the figures of the page Terms without the library that draws them there.

Only what these figures use is known here; anything else is refused, so that no page has half a drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go

from cu_core.analysis.site.html_frame import said, shown
from cu_core.analysis.site.svg_pane import ChartAxis, ChartPane, letters, percent_ticks, polyline, px
from cu_core.figures.glossary_sketches import GlossarySketch

_DASHES = {None: "", "solid": "", "dash": ' stroke-dasharray="7 5"'}
_ROOM = 0.08
"""Share of an axis beyond the outermost marks, where a figure does not fix its ends."""
_SWATCH = (28, 14)
"""Width and height in px of a mark in the key."""
_LETTER = 6.6
"""Px that a letter takes at most on average."""


def drawing_html(sketch: GlossarySketch) -> str:
    """A drawing with its key and caption.

    Args:
        sketch: of the glossary.

    Raises:
        ValueError: it uses what is not known here.
    """
    figure = sketch.draw()
    panes = list(dict.fromkeys(_pane_of(trace) for trace in figure.data))
    titles = [note.text for note in figure.layout.annotations] or [""] * len(panes)
    drawn = "".join(_pane(figure, pane, title, sketch.words) for pane, title in zip(panes, titles, strict=True))
    return (
        f'<figure class="drawing"><div class="charts">{drawn}</div>{_key(figure)}'
        f'<figcaption class="note">{said(sketch.words)}</figcaption></figure>'
    )


def _pane_of(trace: go.Bar | go.Scatter) -> str:
    """What stands behind the letter in the name of a trace's axes: nothing for the first pane."""
    return (trace.xaxis or "x").removeprefix("x")


def _pane(figure: go.Figure, pane: str, title: str, words: str) -> str:
    traces = [trace for trace in figure.data if _pane_of(trace) == pane]
    names = _categories(traces)
    across = _axis(figure.layout[f"xaxis{pane}"], [_places(trace.x, names) for trace in traces], names)
    upward = _axis(figure.layout[f"yaxis{pane}"], [_places(trace.y, ()) for trace in traces], ())
    longest = max((len(label) for _, label in upward.ticks), default=0)
    ground = ChartPane(
        across,
        upward,
        left=round(10 + 18 * bool(upward.title) + (6 + _LETTER * longest) * bool(longest)),
        bottom=10 + 17 * bool(across.ticks) + 17 * bool(across.title),
    )
    drawn = [part for trace in traces for part in _drawn(trace, figure, ground, names)]
    svg = ground.svg(drawn, f"{title}. {words}" if title else words)
    heading = f"<figcaption>{shown(title)}</figcaption>" if title else ""
    return f"<figure>{heading}{svg}</figure>" if heading else svg


def _categories(traces: Sequence[go.Bar | go.Scatter]) -> tuple[str, ...]:
    """What bars stand for, in order; empty without bars."""
    return tuple(dict.fromkeys(name for trace in traces if trace.type == "bar" for name in trace.x))


def _places(values: Sequence[float | str], names: Sequence[str]) -> np.ndarray:
    return np.array([names.index(value) if names else value for value in values], float)


def _axis(axis: go.layout.XAxis | go.layout.YAxis, places: Sequence[np.ndarray], names: Sequence[str]) -> ChartAxis:
    title = axis.title.text or ""
    if names:
        return ChartAxis(title, -0.5, len(names) - 0.5, tuple(enumerate(names)))
    every = np.concatenate(places)
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    room = _ROOM * (high - low)
    low, high = axis.range or (low - room, high + room)
    if axis.tickvals is not None:
        ticks = tuple(zip(axis.tickvals, axis.ticktext, strict=True))
    elif axis.showticklabels is False:
        ticks = ()
    elif axis.tickformat == ".0%":
        # As the figure itself writes numbers.
        ticks = tuple((value, f"{value:.0%}") for value, _ in percent_ticks(low, high))
    else:
        raise ValueError(f"ticks of the format {axis.tickformat!r} are not known")
    return ChartAxis(title, low, high, ticks)


def _drawn(trace: go.Bar | go.Scatter, figure: go.Figure, ground: ChartPane, names: Sequence[str]) -> Iterator[str]:
    """The marks of a trace."""
    places, values = _places(trace.x, names), _places(trace.y, ())
    if trace.type == "bar":
        yield from _bars(trace, figure, ground, places, values)
        return
    points = [
        (ground.x(x), ground.y(y)) if np.isfinite([x, y]).all() else None for x, y in zip(places, values, strict=True)
    ]
    if trace.mode == "lines":
        yield _way(trace, points)
    elif trace.mode == "markers":
        yield from (_mark(trace.marker, *point) for point in points if point is not None)
    else:
        raise ValueError(f"traces of {trace.mode!r} are not known")


def _bars(trace: go.Bar, figure: go.Figure, ground: ChartPane, places: np.ndarray, values: np.ndarray) -> Iterator[str]:
    """Bars side by side, with their texts above."""
    beside = [other for other in figure.data if other.type == "bar"]
    width = (1 - figure.layout.bargap) / len(beside)
    for place, value, text in zip(places, values, trace.text, strict=True):
        left = place + width * (beside.index(trace) - len(beside) / 2)
        x0, x1, y = ground.x(left), ground.x(left + width), ground.y(value)
        height = px(ground.y(0) - y)
        yield f'<rect x="{px(x0)}" y="{px(y)}" width="{px(x1 - x0)}" height="{height}" fill="{trace.marker.color}"/>'
        yield letters(px((x0 + x1) / 2), y - 4, text)


def _way(trace: go.Scatter, points: Sequence[tuple[float, float] | None]) -> str:
    """A line, with gaps where a point is missing, or an area."""
    ways: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            ways.append([])
        else:
            ways[-1].append(point)
    d = "".join(polyline(way) for way in ways if len(way) > 1)
    if trace.fill == "toself":
        return f'<path d="{d}Z" fill="{trace.fillcolor}"/>'
    if trace.fill is not None:
        raise ValueError(f"an area of {trace.fill!r} is not known")
    line = trace.line
    return f'<path d="{d}" fill="none" stroke="{line.color}" stroke-width="{line.width}"{_DASHES[line.dash]}/>'


def _mark(mark: go.scatter.Marker, x: float, y: float, most: float = math.inf) -> str:
    """One marker, of at most so many px."""
    half, colour = f"{min(mark.size, most) / 2:g}", mark.color
    at = f'transform="translate({px(x)} {px(y)})"'
    if mark.symbol == "circle":
        return f'<circle {at} r="{half}" fill="{colour}"/>'
    if mark.symbol == "circle-open":
        return f'<circle {at} r="{half}" fill="none" stroke="{colour}" stroke-width="{mark.line.width:g}"/>'
    if mark.symbol == "square":
        return f'<path {at} d="M-{half} -{half}H{half}V{half}H-{half}Z" fill="{colour}"/>'
    if mark.symbol == "diamond":
        return f'<path {at} d="M0 -{half}L{half} 0L0 {half}L-{half} 0Z" fill="{colour}"/>'
    if mark.symbol == "x":
        d = f"M-{half} -{half}L{half} {half}M-{half} {half}L{half} -{half}"
        return f'<path {at} d="{d}" fill="none" stroke="{colour}" stroke-width="3"/>'
    if mark.symbol == "line-ew":
        return f'<path {at} d="M-{half} 0H{half}" stroke="{mark.line.color}" stroke-width="{mark.line.width:g}"/>'
    raise ValueError(f"marks of {mark.symbol!r} are not known")


def _key(figure: go.Figure) -> str:
    """What each mark is; it wraps where the page is narrow."""
    items = (
        f'<li><svg width="{_SWATCH[0]}" height="{_SWATCH[1]}" aria-hidden="true">{_swatch(trace)}</svg>'
        f"{shown(trace.name)}</li>"
        for trace in figure.data
        if trace.showlegend is not False
    )
    return f'<ul class="key">{"".join(items)}</ul>'


def _swatch(trace: go.Bar | go.Scatter) -> str:
    width, height = _SWATCH
    if trace.type == "bar":
        return f'<rect width="{width}" height="{height}" fill="{trace.marker.color}"/>'
    if trace.mode == "markers":
        return _mark(trace.marker, width / 2, height / 2, height - 3)
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return _way(trace, corners if trace.fill else [(0.0, height / 2), (width, height / 2)])
