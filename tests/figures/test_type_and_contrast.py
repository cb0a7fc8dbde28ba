"""Every chart: one type scale, text that is read well on light and on dark ground, and axes with titles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from cu_core.base.installation import dashboard_folder
from cu_core.figures import theme
from cu_core.figures.theme import AXIS_TITLE, INKS, TEXT_SIZE, TITLE_SIZE, ink
from tests.figures.test_theme import GROUNDS, contrast
from tests.madeup_figures import run_figures, sample_figures

FIGURES = [*run_figures(), *sample_figures(4, 200)]
# Axes whose ticks are names, or that stand beside a pane of the same axis.
NAMED = {"verdict", "recovery", "scene in space"}


def fonts(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every font of a figure's layout and traces with its place; templates are not ours."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "template":
                continue
            if name in ("font", "tickfont", "textfont") and isinstance(inner, dict):
                yield f"{where}.{name}", inner
            yield from fonts(inner, f"{where}.{name}")
    elif isinstance(node, (list, tuple)):
        for place, inner in enumerate(node):
            yield from fonts(inner, f"{where}[{place}]")


@pytest.mark.parametrize(("name", "figure"), FIGURES, ids=[name for name, _ in FIGURES])
def test_sizes_are_those_of_the_scale(name: str, figure: go.Figure) -> None:
    found = dict(fonts(figure.to_plotly_json()))
    sizes = {place: font["size"] for place, font in found.items() if "size" in font}
    assert set(sizes.values()) <= {TEXT_SIZE, TITLE_SIZE}, sizes
    assert TEXT_SIZE >= 12 and TITLE_SIZE == TEXT_SIZE + 1
    # What has no size of its own takes that of the whole figure.
    assert figure.layout.font.size == TEXT_SIZE
    for axis in [*figure.select_xaxes(), *figure.select_yaxes()]:
        assert axis.tickfont.size == TEXT_SIZE, name


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize(("name", "figure"), FIGURES, ids=[name for name, _ in FIGURES])
def test_text_is_read_well_on_either_ground(name: str, figure: go.Figure, ground: str) -> None:
    shown = ink(go.Figure(figure), ground).to_plotly_json()
    coloured = {place: font["color"] for place, font in fonts(shown) if "color" in font}
    assert coloured
    for place, colour in coloured.items():
        assert contrast(colour, GROUNDS[ground]) >= 4.5, (place, colour)
    layout = shown["layout"]
    for axis, values in layout.items():
        if re.fullmatch(r"[xy]axis\d*", axis):
            assert values["tickfont"]["color"] == values["title"]["font"]["color"] == INKS[ground], axis
    assert layout["font"]["color"] == layout["legend"]["font"]["color"] == INKS[ground]


@pytest.mark.parametrize(("name", "figure"), FIGURES, ids=[name for name, _ in FIGURES])
def test_axes_have_titles_unless_their_ticks_are_names(name: str, figure: go.Figure) -> None:
    shared = any(note.name == AXIS_TITLE for note in figure.layout.annotations)
    layout = figure.to_plotly_json()["layout"]
    for axis, values in layout.items():
        if not re.fullmatch(r"[xy]axis\d*", axis) or name in NAMED:
            continue
        named = values.get("type") == "category" or values.get("ticktext") is not None
        beside = values.get("matches") is not None or values.get("showticklabels") is False
        titled = bool(values.get("title", {}).get("text")) or (shared and axis.startswith("x"))
        assert titled or named or beside or _row_has_title(layout, axis), axis


def _row_has_title(layout: dict[str, Any], axis: str) -> bool:
    """Whether an axis of the same kind in the same row or column of panes has the title."""
    kind, side = axis[0], "domain"
    other = "y" if kind == "x" else "x"
    number = axis[5:]
    anchor = layout.get(f"{other}axis{number}", {}).get(side)
    for name, values in layout.items():
        if re.fullmatch(rf"{kind}axis\d*", name) and values.get("title", {}).get("text"):
            own = layout.get(f"{kind}axis{number}", {}).get(side)
            if values.get(side) == own or layout.get(f"{other}axis{name[5:]}", {}).get(side) == anchor:
                return True
    return False


def test_losses_carry_nats_and_shares_per_cent() -> None:
    for name, figure in FIGURES:
        if "loss" in name:
            texts = [a.title.text or "" for a in [*figure.select_xaxes(), *figure.select_yaxes()]]
            texts += [note.text or "" for note in figure.layout.annotations]
            assert any("nats" in text for text in texts), name
        for axis in [*figure.select_xaxes(), *figure.select_yaxes()]:
            if "Share" in (axis.title.text or ""):
                assert "%" in (axis.tickformat or ""), (name, axis.title.text)


def test_no_figure_has_sizes_or_inks_of_its_own() -> None:
    folder = Path(theme.__file__).parent
    for path in folder.glob("*.py"):
        if path.name != "theme.py":
            hard = re.findall(r"font_size\s*=\s*\d+|font[\"']?\s*[:=]\s*\{[^}]*size[^}]*\d", path.read_text("utf-8"))
            assert not hard, f"{path.name} sets {hard}; the scale is in theme.py"


def test_pages_draw_figures_with_ink() -> None:
    for folder in ("_attack", "_compare", "_distributions", "_run", "_sweep", "_verdict"):
        for path in (dashboard_folder() / "pages" / folder).glob("*.py"):
            text = path.read_text("utf-8")
            assert "st.plotly_chart(" not in text or "ink(" in text, f"{path.name}: use show_chart"
