"""The similarity page in a real browser: choices redraw the histograms, nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.madeup import MadeUp, write_run
from tests.served import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPILLED = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap((c) => {
  const b = c.getBoundingClientRect()
  return [...c.querySelectorAll('text')].filter((t) => { const r = t.getBoundingClientRect(); return r.width &&
    (r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1) })
    .map((t) => t.textContent) })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_choices_redraw_the_histograms_and_nothing_is_cut_off(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], Any], scheme: str
) -> None:
    write_run(server.home, "encoder", MadeUp(objective="moco", select="random:40"))
    page = open_tab(f"{server.url}/similarity?run=encoder", scheme)
    charts = page.locator(".js-plotly-plot")
    expect(charts).to_have_count(2, timeout=150_000)
    expect(charts.first).to_contain_text("Cosine of two augmented views")
    page.get_by_text("Own-class centroid", exact=True).click()
    expect(charts.first).to_contain_text("Cosine to the own class's centroid", timeout=90_000)
    expect(charts.first).not_to_contain_text("Retain (n")
    page.get_by_text("Forget and retain", exact=True).click()
    expect(charts.first).to_contain_text("Retain (n = 90)", timeout=90_000)
    # Charts take their size a moment after they appear.
    page.wait_for_function(f"() => ({SPILLED})().length === 0")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    shoot(page, f"similarity-{scheme}")
