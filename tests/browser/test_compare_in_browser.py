"""The compare page in a real browser: every picture is drawn whole, and the address leads back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from cu_core.catalogue.spec import MethodSpec
from tests.browser.waiting import nothing_spills
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("compare")) as running:
        for seed in (0, 1):
            write_run(running.home, f"a-{seed}", MadeUp(references=(0, 1, 2), seed=seed, spec={"group": "g"}))
        other = MadeUp(references=(0, 1, 2), spec={"group": "g", "method": MethodSpec("finetune")})
        write_run(running.home, "b-0", other)
        yield running


@pytest.mark.parametrize(("scheme", "pictures"), [("light", list(PICTURES)), ("dark", ["Per class", "Trade-off"])])
def test_pictures_are_drawn_whole(
    server: Server,
    open_tab: Callable[..., Page],
    shoot: Callable[[Page, str], None],
    scheme: str,
    pictures: list[str],
) -> None:
    page = open_tab(f"{server.url}/compare?group=g", scheme)
    charts = page.locator(".js-plotly-plot")
    # While one picture takes the other's place, both are there.
    chart = charts.last
    expect(chart).to_contain_text(PICTURES["Trade-off"])
    # The first one lies in the folded box where runs are chosen.
    expect(page.get_by_test_id("stDataFrame").nth(1)).to_be_visible()
    for picture in pictures:
        # Some of them are named by columns and terms, too.
        page.get_by_role("radio", name=picture, exact=True).click()
        expect(chart).to_contain_text(PICTURES[picture])
        expect(charts).to_have_count(1)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        nothing_spills(page)
    shoot(page, f"compare-{scheme}")


def test_the_address_keeps_choice_and_picture(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/compare?runs=a-0&picture=Layers")
    expect(page.locator(".js-plotly-plot")).to_contain_text("Linear CKA")
    page.get_by_text("Distance in bands", exact=True).click()
    page.wait_for_url("**Distance*bands**")
    page.reload()
    expect(page.locator(".js-plotly-plot")).to_contain_text("Linear CKA")
    page.wait_for_url("**runs=a-0**")
