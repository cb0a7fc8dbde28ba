"""What pictures of benchmarks share: panes side by side with one legend, and a file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import Browser, Page, sync_playwright
from plotly.subplots import make_subplots

from tests.browser.waiting import PATIENCE_MS, listen

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
SIZE = {"width": 1100, "height": 420}
TAB_HEIGHT = 900


class Panes:
    """Panes side by side; what has the same name in several of them stands in the legend once.

    Args:
        titles: of the panes.
        spacing: share of the width between them; Plotly's own by default.

    Attributes:
        figure: the picture.
    """

    def __init__(self, titles: Sequence[str], spacing: float | None = None) -> None:
        self.figure: go.Figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=spacing)
        self.figure.update_layout(
            template="plotly_white",
            legend={"orientation": "h", "y": -0.25},
            margin={"l": 60, "r": 20, "t": 40, "b": 20},
        )
        self._named: set[str] = set()

    def line(self, column: int, name: str, **looks: Any) -> None:
        """Adds a line to a pane, counted from 1; `looks` in Plotly's words."""
        first = name not in self._named
        self._named.add(name)
        self.figure.add_scatter(name=name, legendgroup=name, showlegend=first, row=1, col=column, **looks)


def found_browser() -> str | None:
    """Path of the first browser of this machine that Playwright can drive; None leaves the choice to it."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def fresh_tab(browser: Browser, width: int, scheme: str) -> Page:
    """A tab in a context of its own, so many px wide and light or dark, whose traffic with its server is noted."""
    context = browser.new_context(viewport={"width": width, "height": TAB_HEIGHT}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    return listen(context.new_page())


def write_png(figure: go.Figure, path: Path) -> None:
    """Photographs a figure in a headless browser."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found_browser(), args=["--no-sandbox"])
        page = launched.new_page(viewport=SIZE)
        page.set_content(figure.to_html(include_plotlyjs=True, full_html=True, config={"displayModeBar": False}))
        page.locator(".main-svg").first.wait_for()
        page.screenshot(path=path, timeout=120_000)
