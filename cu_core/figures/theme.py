"""The theme of all charts: colours, markers, layout."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import count
from typing import Any

import plotly.graph_objects as go

from cu_core.base.display_text import CHART, cut, one_line

GROUPS: tuple[str, ...] = ("forget", "retain", "unseen")
"""Groups of samples, in the order in which they are listed and drawn."""

COLOURS: dict[str, str] = {
    "forget": "#D55E00",
    "retain": "#0072B2",
    "unseen": "#009E73",
    "reference": "#CC79A7",
}
"""Colours that people with any common colour-vision deficiency tell apart (Okabe and Ito, 2008)."""

SYMBOLS: dict[str, str] = {"forget": "x", "retain": "circle", "unseen": "diamond", "reference": "square"}
"""Marker shapes, so that colour never carries a group alone."""

TITLES: dict[str, str] = {"forget": "Forget", "retain": "Retain", "unseen": "Unseen", "reference": "Reference"}
"""Group names as people read them."""

FAINT = 0.5
"""Opacity of single seeds beside their mean: still seen on either ground."""

NEUTRAL = "#8A8F98"
"""Grey that stands out on light and dark ground alike: thresholds, guide lines, notes."""

GRID = "rgba(128, 128, 128, 0.22)"
"""Grid lines on any ground."""

TEXT_SIZE = 12
"""Px of ticks, legends and notes inside a chart: nothing in a chart is smaller."""

TITLE_SIZE = 13
"""Px of titles of axes and panes. With `TEXT_SIZE` the whole type scale of charts."""

INKS: dict[str, str] = {"light": "#3F3F4E", "dark": "#D0D0DC"}
"""Colour of a chart's text on either ground. No one colour has a contrast of 4.5 to 1 on both."""

GROUNDS: dict[str, tuple[int, int, int]] = {"light": (255, 255, 255), "dark": (20, 20, 27)}
"""Red, green and blue of a page, as ``.streamlit/config.toml`` has them."""

CELLS = "cells"
"""Name in a trace's ``meta`` of the colours on which its texts stand, each red, green, blue and opacity."""

AXIS_TITLE = "axis title"
"""Name of the annotation that is the title of an axis which all panes of a row share."""

VERDICT_COLOURS: dict[str, str] = {
    "differs": "#D55E00",
    "cannot-tell": "#8A8F98",
    "no-difference-found": "#0072B2",
}
"""Colours of the states of a verdict. Not a green one: that no difference was found is no clearance."""

RUN_COLOURS: tuple[str, ...] = ("#56B4E9", "#E69F00", "#9467D6", "#B5651D", "#5AAE61", "#D6604D")
"""Colours of runs where several share a pane; none is a group's colour."""

RUN_DASHES: tuple[str, ...] = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Line styles of runs; with the colours they repeat only after as many runs as there are colours."""


def tint(colour: str, opacity: float) -> str:
    """A hex colour with an opacity, as CSS ``rgba(...)``.

    Args:
        colour: ``#RRGGBB``.
        opacity: 0 (invisible) to 1 (solid).
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def marker(group: str, *, before: bool = False, size: float = 6) -> dict[str, object]:
    """Marker of a group: hollow and light before unlearning, filled after.

    Args:
        group: one of `GROUPS` or ``"reference"``.
        before: whether the samples are shown as they were before unlearning.
        size: diameter in px.
    """
    symbol, colour = SYMBOLS[group], COLOURS[group]
    if before:
        return {"symbol": f"{symbol}-open", "color": tint(colour, 0.75), "size": size, "line": {"width": 1.2}}
    return {"symbol": symbol, "color": tint(colour, 0.85), "size": size, "line": {"width": 0}}


def run_line(index: int) -> dict[str, object]:
    """Line style of the run at this place in a list of runs."""
    return {"color": RUN_COLOURS[index % len(RUN_COLOURS)], "dash": RUN_DASHES[index % len(RUN_DASHES)], "width": 2}


def legend_rows(names: Sequence[str], width: int = 820) -> int:
    """Rows that a horizontal legend with these names takes in a chart of this many px, estimated from above."""
    rows, used = 1, 0
    for name in names:
        item = 52 + 7 * len(name)
        if used and used + item > width:
            rows, used = rows + 1, 0
        used += item
    return rows


PHONE = 380
"""Px of a chart on a phone, a little more than it has: names are narrower than `legend_rows` takes them for."""

MOST_LEGEND_ROWS = 8
"""Rows of a legend above its figure; a longer one would push the figure off the screen."""


def round_axis(last: float, most: int = 8) -> dict[str, Any]:
    """Range and ticks of an axis of rounds: whole numbers, each once, however few rounds there are.

    Args:
        last: number of the last round.
        most: ticks at most beside the first.
    """
    last = max(float(last), 1.0)
    step = next(s for k in count() for s in (10**k, 2 * 10**k, 5 * 10**k) if last / s <= most)
    return {"range": [-0.3, last + 0.3], "tick0": 0, "dtick": step, "tickformat": "d"}


def dress(figure: go.Figure, *, height: int, top: int | None = None, bottom: int = 48) -> go.Figure:
    """Gives a figure the common look: transparent ground, type scale, legend above, room for labels.

    A legend of more than `MOST_LEGEND_ROWS` rows stands at the right instead, where it can be scrolled.

    Args:
        figure: changed in place.
        height: px of the panes with their labels, without the legend.
        top: px above the panes; by default as much as pane titles and the legend's rows need.
        bottom: px below the panes.

    Returns:
        The same figure.
    """
    names = [trace.name or "" for trace in figure.data if trace.showlegend is not False]
    rows = legend_rows(names) if names else 0
    beside = rows > MOST_LEGEND_ROWS
    if top is None:
        titles = [note.text or "" for note in figure.layout.annotations if note.name != AXIS_TITLE]
        broken = max((text.count("<br>") for text in titles), default=0)
        # On a phone a legend wraps earlier; its rows must not run into the titles of panes.
        rows = 0 if beside else min(legend_rows(names, PHONE), rows + 2) if names else 0
        top = 32 + 18 * broken + 27 * rows
    height += top
    figure.update_layout(
        height=height,
        # Padding, which templates bring, moves ticks under the title beside them.
        margin={"l": 56, "r": 16, "t": top, "b": bottom, "pad": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": TEXT_SIZE},
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0.985,
            "x": 0,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": TEXT_SIZE},
        },
        hoverlabel={"align": "left", "font": {"size": TEXT_SIZE}},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": NEUTRAL, "activecolor": "#5B4BC4"},
    )
    if beside:
        figure.update_layout(legend={"orientation": "v", "yref": "paper", "x": 1.01, "y": 1, "itemwidth": 30})
    words: dict[str, Any] = {"tickfont": {"size": TEXT_SIZE}, "title": {"font": {"size": TITLE_SIZE}}}
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=8, **words)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=8, **words)
    for bar in _colour_bars(figure):
        bar.update(tickfont={"size": TEXT_SIZE}, title={"font": {"size": TEXT_SIZE}})
    # Plotly gives its pane titles a size of its own; only notes have been given one here.
    for note in _notes(figure):
        note.font.size = TEXT_SIZE if note.font.size == TEXT_SIZE else TITLE_SIZE
    _update_spaces(figure, words)
    return figure


def ink(figure: go.Figure, ground: str) -> go.Figure:
    """Gives all text of a figure the colour that is read well on a ground, unless it has one of its own.

    Args:
        figure: changed in place.
        ground: key of `INKS`.

    Returns:
        The same figure.
    """
    colour = {"color": INKS[ground]}
    words: dict[str, Any] = {"tickfont": colour, "title": {"font": colour}}
    figure.update_layout(font=colour, legend={"font": colour})
    figure.update_xaxes(words)
    figure.update_yaxes(words)
    for bar in _colour_bars(figure):
        bar.update(words)
    _update_spaces(figure, words)
    for note in _notes(figure):
        note.font.color = colour["color"]
    for trace in figure.data:
        if trace.meta and CELLS in trace.meta:
            trace.insidetextfont.color = [ink_on(cell, ground) for cell in trace.meta[CELLS]]
    figure.update_layout(sliders=[{"font": colour}] * len(figure.layout.sliders))
    # Plotly paints a pointed-at button nearly white on any ground.
    button = {"font": {"color": INKS["light"] if ground == "light" else NEUTRAL}}
    figure.update_layout(updatemenus=[button] * len(figure.layout.updatemenus))
    return figure


def ink_on(cell: Sequence[float], ground: str) -> str:
    """Black or white, whichever stands out more on a colour; one of them has 4.5 to 1 on any.

    Args:
        cell: red, green and blue from 0 to 255 and opacity.
        ground: key of `GROUNDS`, which is seen through it.
    """
    seen = [(cell[3] * part + (1 - cell[3]) * below) / 255 for part, below in zip(cell, GROUNDS[ground], strict=False)]
    # Relative luminance as WCAG 2 defines it. Where 0.179 lies, black and white have the same contrast.
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in seen]
    return "#000000" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "#FFFFFF"


def _update_spaces(figure: go.Figure, words: dict[str, Any]) -> None:
    """Axes of panes in three dimensions; a figure without any would get one by naming it."""
    if any(trace.type == "scatter3d" for trace in figure.data):
        figure.update_scenes({name: words for name in ("xaxis", "yaxis", "zaxis")})


def _notes(figure: go.Figure) -> list[go.layout.Annotation]:
    """Annotations of the figure, and those that come with a frame and replace them."""
    return [note for layout in (figure.layout, *(f.layout for f in figure.frames)) for note in layout.annotations]


def _colour_bars(figure: go.Figure) -> list[go.layout.coloraxis.ColorBar]:
    bars = [trace.colorbar for trace in figure.data if trace.type == "heatmap" and trace.coloraxis is None]
    return [*bars, figure.layout.coloraxis.colorbar] if figure.layout.coloraxis.colorscale else bars


def note_font() -> dict[str, int]:
    """Font of a note inside a chart, as against a title of a pane."""
    return {"size": TEXT_SIZE}


LONG = 18
"""Letters of a title from which on it is broken at its comma."""


def pane_title(text: str, kind: str = "round") -> str:
    """The title above a pane; a long one is broken at its comma and before its brackets: panes on a phone are narrow.

    Args:
        text: of the title.
        kind: ``"reference"`` for the colour and marker shape of the references.
    """
    name, bracket, rest = text.partition(" (")
    if len(name) > LONG:
        name = name.replace(", ", ",<br>", 1)
    broken = f"{name}<br>({rest}" if bracket and rest.endswith(")") else f"{name}{bracket}{rest}"
    return reference_title(broken) if kind == "reference" else f"<b>{broken}</b>"


NO_BAND = "No band is drawn: it takes two retrained models or more whose numbers differ."
"""Said below figures that would have one."""


def share_x_title(figure: go.Figure, text: str, *, below: int, at_end: bool = False) -> None:
    """One title for the axes of all panes, in the middle below them: under each pane they would run together.

    Args:
        figure: changed in place.
        text: of the title, with its unit.
        below: px from the panes down to it, past the ticks.
        at_end: it ends where the panes do. Beside long names the panes may be narrower than it, and its middle in
            theirs would take it off a phone.
    """
    figure.add_annotation(
        name=AXIS_TITLE,
        # A phone has room for some fifty letters.
        text=text.replace(" (", "<br>(", 1) if len(text) > 50 else text,
        x=1 if at_end else 0.5,
        xanchor="right" if at_end else "center",
        xref="paper",
        y=0,
        yref="paper",
        yanchor="top",
        yshift=-below,
        showarrow=False,
    )


def reference_title(text: str) -> str:
    """A pane title that carries the reference's colour and marker shape."""
    return f'<span style="color:{COLOURS["reference"]}">■</span> <b>{text}</b>'


def class_name(classes: Sequence[str], label: int) -> str:
    """Name of a class; its number where the names are unknown or the label is out of range."""
    name = str(classes[label]) if 0 <= label < len(classes) else str(label)
    text = chart_text(name)
    # Names that differ in what is left out stay apart: charts put what has the same name into one place.
    return text if len(text) == len(name) else f"{text} ({label})"


_ENTITY = re.compile(r"&(?=#?\w{1,32};)")


def chart_text(text: str) -> str:
    """A text of users, such as a folder's or a run's name, for a chart.

    Charts read some HTML and templates in texts. Of a long one the middle is left out.
    """
    plain = cut(one_line(text), CHART).replace("<", "‹").replace(">", "›")
    return _ENTITY.sub("＆", plain).replace("%{", "％{")


def join(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


_BELOW, _ABOVE = "#7B3294", "#008837"
"""Hues of numbers below and above the band (ends of PRGn of ColorBrewer, safe for the colour-blind)."""

_STEPS: tuple[tuple[float, float], ...] = ((1.0, 0.18), (2.0, 0.34), (4.0, 0.5), (8.0, 0.66))
"""Distance in half widths of the band from which a cell is marked, and how strongly."""


def distance_colour(distance: float | None) -> str:
    """CSS colour of a cell's ground; empty within the band and where there is no distance.

    The scale is fixed: a cell means the same in every comparison, whatever the other runs are.

    Args:
        distance: signed, in half widths of the references' band.
    """
    if distance is None or math.isnan(distance) or abs(distance) <= _STEPS[0][0]:
        return ""
    strength = max(opacity for start, opacity in _STEPS if abs(distance) > start)
    return tint(_ABOVE if distance > 0 else _BELOW, strength)
