"""Charts as a browser draws them have room for their words: none covers another, on a phone and on a laptop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Locator, Page
from plotly.offline import get_plotlyjs

from tests.browser.waiting import at_rest, eventually
from tests.madeup import MadeUp, write_run
from tests.madeup_figures import panes_figures
from tests.served import Server, serve

pytestmark = pytest.mark.browser
PHONE, LAPTOP = 358, 1000
"""Px that a chart has of windows of 390 and of 1280 px."""

# Of every text that is seen: what it says, and the corners of its letters' box, turned as it is. A line's box is higher
# than its letters, and where lines touch each other they are read well.
CORNERS = """(chart) => [...chart.querySelectorAll("svg text")].flatMap((text) => {
  const box = text.getBBox(), turned = text.getScreenCTM(), seen = text.getBoundingClientRect()
  if (!text.textContent.trim() || !seen.width || getComputedStyle(text).visibility === "hidden") return []
  const cut = Math.min(3, box.height / 5)
  const [left, right, top, bottom] = [box.x, box.x + box.width, box.y + cut, box.y + box.height - cut]
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => {
    const point = new DOMPoint(x, y).matrixTransform(turned)
    return [point.x, point.y]
  })
  return [{ text: text.textContent, corners }]
})"""
DRAW = """(text) => {
  const { data, layout } = JSON.parse(text), box = document.getElementById("chart")
  Plotly.purge(box)
  return Plotly.newPlot(box, data, { ...layout, width: innerWidth }, { displayModeBar: false }).then(() => null)
}"""
# How many panes stand side by side in each chart that is seen.
ACROSS = """() => [...document.querySelectorAll(".js-plotly-plot")]
  .filter((chart) => chart.getBoundingClientRect().width && chart.checkVisibility({ visibilityProperty: true }))
  .map((chart) => new Set(Object.entries(chart._fullLayout ?? {}).filter(([name]) => /^xaxis[0-9]*$/.test(name))
    .map(([, axis]) => String(axis.domain))).size)"""


def covers(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rectangles, however they are turned, have more than a rim in common."""
    for corners in (one, other):
        for k in (0, 1):
            side = corners[k + 1] - corners[k]
            across = np.array([-side[1], side[0]]) / max(float(np.hypot(*side)), 1e-9)
            mine, others = one @ across, other @ across
            if mine.max() <= others.min() + 0.5 or others.max() <= mine.min() + 0.5:
                return False
    return True


def covered(chart: Locator, width: int) -> list[str]:
    """Words of a chart that cover each other or leave a page of this width, a line each."""
    texts = [(found["text"], np.array(found["corners"])) for found in chart.evaluate(CORNERS)]
    assert texts
    found = [f"{a!r} on {b!r}" for (a, one), (b, other) in combinations(texts, 2) if covers(one, other)]
    return found + [f"{text!r} is cut off" for text, box in texts if box.min() < -1 or box[:, 0].max() > width + 1]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.set_content(f'<body style="margin: 0"><div id="chart"></div><script>{get_plotlyjs()}</script></body>')
    yield opened
    opened.close()


def drawn_faults(page: Page, figure: go.Figure, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(DRAW, figure.to_json())
    return covered(page.locator("#chart"), width)


@pytest.mark.parametrize("classes", [2, 10, 20, 100])
@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_no_word_covers_another(page: Page, classes: int, width: int) -> None:
    found = {
        name: words
        for name, figure in panes_figures(classes, 200, narrow=width == PHONE)
        if (words := drawn_faults(page, figure, width))
    }
    assert not found, "\n".join(f"{name}: {', '.join(words[:5])}" for name, words in found.items())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("room")) as running:
        write_run(running.home, "shown", MadeUp("random:60", counts=(60, 90, 70), audited=60))
        yield running


@pytest.mark.parametrize(
    ("address", "charts"), [("confidence", 2), ("similarity", 2), ("attack?attack_part=One+attack", 1)]
)
def test_panes_follow_the_width_of_the_window(
    server: Server, open_tab: Callable[..., Page], address: str, charts: int
) -> None:
    page = open_tab("about:blank")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{server.url}/{address}{'&' if '?' in address else '?'}run=shown")

    def stand(across: int) -> None:
        assert page.evaluate(ACROSS) == [across] * charts

    eventually(page, lambda: stand(1))
    at_rest(page)
    seen = page.locator(".js-plotly-plot:visible").all()
    assert not [words for chart in seen for words in covered(chart, 390)]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    eventually(page, lambda: stand(3))
