"""The similarity page in a real browser: choices redraw the histograms, nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import nothing_spills
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("similarity")) as running:
        write_run(running.home, "encoder", MadeUp(objective="moco", select="random:40"))
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_choices_redraw_the_histograms_and_nothing_is_cut_off(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None], scheme: str
) -> None:
    page = open_tab(f"{server.url}/similarity?run=encoder", scheme)
    charts = page.locator(".js-plotly-plot")
    expect(charts).to_have_count(2)
    expect(charts.first).to_contain_text("Cosine of two augmented views")
    page.get_by_text("Own-class centroid", exact=True).click()
    expect(charts.first).to_contain_text("Cosine to the own class's centroid")
    expect(charts.first).not_to_contain_text("Retain (n")
    page.get_by_text("Forget and retain", exact=True).click()
    expect(charts.first).to_contain_text("Retain (n = 90)")
    nothing_spills(page)
    shoot(page, f"similarity-{scheme}")
