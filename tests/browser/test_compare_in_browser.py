"""The compare page in a real browser: every picture is drawn whole, and the address leads back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cu_core.spec import MethodSpec
from tests.browser.test_similarity_in_browser import SPILLED
from tests.madeup import MadeUp, write_run
from tests.served import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Button and a text that only its picture holds.
PICTURES = {
    "Over rounds": "Round (0 = before)",
    "Per class": "five (forgotten)",
    "Predictions": "Predicted class",
    "Distributions": "Share of samples per bin",
    "Layers": "Linear CKA",
    "Probe recovery": "What a linear probe finds",
    "Trade-off": "Utility gap",
}


@pytest.mark.parametrize(("scheme", "pictures"), [("light", list(PICTURES)), ("dark", ["Per class", "Trade-off"])])
def test_pictures_are_drawn_whole(
    server: Server,
    open_tab: Callable[..., Page],
    shoot: Callable[[Page, str], Any],
    scheme: str,
    pictures: list[str],
) -> None:
    for seed in (0, 1):
        write_run(server.home, f"a-{seed}", MadeUp(references=(0, 1, 2), seed=seed, spec={"group": "g"}))
    write_run(server.home, "b-0", MadeUp(references=(0, 1, 2), spec={"group": "g", "method": MethodSpec("finetune")}))
    page = open_tab(f"{server.url}/compare?group=g", scheme)
    charts = page.locator(".js-plotly-plot")
    # While one picture takes the other's place, both are there.
    chart = charts.last
    expect(chart).to_contain_text(PICTURES["Trade-off"], timeout=150_000)
    # The first one lies in the folded box where runs are chosen.
    expect(page.get_by_test_id("stDataFrame").nth(1)).to_be_visible()
    for picture in pictures:
        page.get_by_text(picture, exact=True).first.click()
        expect(chart).to_contain_text(PICTURES[picture], timeout=90_000)
        expect(charts).to_have_count(1)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        # Charts take their size a moment after they appear.
        page.wait_for_function(f"() => ({SPILLED})().length === 0")
    shoot(page, f"compare-{scheme}")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


def test_the_address_keeps_choice_and_picture(server: Server, open_tab: Callable[..., Page]) -> None:
    write_run(server.home, "a-0", MadeUp(references=(0, 1)))
    page = open_tab(f"{server.url}/compare?runs=a-0&picture=Layers")
    expect(page.locator(".js-plotly-plot")).to_contain_text("Linear CKA", timeout=150_000)
    page.get_by_text("Distance in bands", exact=True).click()
    page.wait_for_url("**Distance*bands**")
    page.reload()
    expect(page.locator(".js-plotly-plot")).to_contain_text("Linear CKA", timeout=150_000)
    assert "runs=a-0" in page.url
