"""Charts as a browser draws them: sizes of text, and its contrast in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.waiting import eventually
from tests.figures.test_theme import contrast
from tests.madeup import MadeUp, write_run
from tests.served import Server

TEXTS = """() => [...document.querySelectorAll('.js-plotly-plot svg text')]
  .filter((e) => e.textContent && e.getBBox().width)
  .map((e) => { const s = getComputedStyle(e);
    return [e.textContent, s.fontSize, s.fill, e.getAttribute('class') || ''] })"""
GROUND = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"


def hexed(colour: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


def readable(page: Page, dark: bool) -> None:
    ground = hexed(page.evaluate(GROUND))
    assert (int(ground[1:3], 16) < 128) is dark
    texts = page.evaluate(TEXTS)
    assert len(texts) > 20
    for text, size, fill, kind in texts:
        assert float(size.removesuffix("px")) >= 12, text
        # Counts inside coloured cells contrast with their cell.
        if "heatmap-label" not in kind:
            assert contrast(hexed(fill), ground) >= 4.5, (text, fill, ground)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_charts_is_large_enough_and_stands_out(
    server: Server, open_tab: Callable[..., Page], scheme: str
) -> None:
    write_run(server.home, "shown", MadeUp("random:60", counts=(60, 90, 70), audited=120))
    page = open_tab(f"{server.url}/attack?run=shown", scheme)
    for address in ("attack", "confidence", "similarity"):
        page.goto(f"{server.url}/{address}?run=shown")
        page.wait_for_selector(".xtick text")
        eventually(page, lambda: readable(page, dark=scheme == "dark"))
