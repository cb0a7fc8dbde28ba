"""The first page in a real browser: its picture plays by itself, its links lead on, and it fits a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cu_core.base.home import Home
from cu_core.jobs import demo
from cu_core.runstore.reader import list_runs
from tests.browser.viewer_driver import state
from tests.browser.waiting import PATIENCE_MS, asked, eventually, heard, nothing_spills, settled, until
from tests.served import ROOT, Server, serve

pytestmark = pytest.mark.browser

PLAYS = "❚❚ Pause"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("start")
    demo.install(Home(folder / "home").create(), ROOT / "assets" / "demo")
    with serve(folder) as running:
        yield running


def shown(page: Page) -> dict[str, object]:
    """The viewer's state, once there is a viewer."""

    def look() -> dict[str, object]:
        try:
            return state(page)
        except Exception as error:
            raise AssertionError("no picture yet") from error

    return eventually(page, look)


def position(page: Page) -> float:
    return float(str(shown(page)["position"]))


def test_the_picture_plays_by_itself_without_a_word_to_the_server(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(server.url)
    before = position(page)
    expect(page.get_by_role("button", name=PLAYS)).to_be_visible()
    until(page, lambda: position(page) != before, "the rounds go by")
    assert shown(page)["titles"][0] == "Before (round 0)" and shown(page)["titles"][-1] == "Reference (retrained)"
    settled(page)
    said = asked(page)
    again = position(page)
    until(page, lambda: position(page) != again, "they still do")
    assert asked(page) == said, "nobody asked the server"
    shoot(page, "start")
    page.get_by_role("button", name=PLAYS).click()
    expect(page.get_by_role("button", name="▶ Play")).to_be_visible()
    rest = position(page)
    assert rest == round(rest), "who takes over stands at a real round"


def test_nothing_moves_for_people_who_want_little_motion(server: Server, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(server.url)
    try:
        assert position(page) == 15.0
        expect(page.get_by_role("button", name="▶ Play")).to_be_visible()
        page.wait_for_timeout(1500)
        assert position(page) == 15.0
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None], scheme: str
) -> None:
    page = open_tab("about:blank", scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(server.url)
    shown(page)
    settled(page)
    nothing_spills(page)
    shoot(page, f"start-phone-{scheme}")


def test_the_other_demo_shows_that_hiding_is_not_forgetting(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(server.url)
    shown(page)
    expect(page.get_by_text("No difference found").first).to_be_visible()
    with heard(page):
        page.get_by_text("Digit 5, its answer filtered out").first.click()
    expect(page.get_by_text("class means find the forgotten class")).to_be_visible()
    page.get_by_role("link", name="Look closer").click()
    page.wait_for_url(f"{server.url}/drift?run=*filtered-out*")


def test_links_without_a_page_open_the_run_and_the_way_back_leads_here(
    server: Server, open_tab: Callable[..., Page]
) -> None:
    run_id = next(row.run_id for row in list_runs(server.home) if row.verdict == "differs")
    page = open_tab(f"{server.url}/?run={run_id}")
    page.wait_for_url(f"{server.url}/run?run={run_id}")
    page = open_tab(server.url)
    shown(page)
    page.get_by_role("link", name="Digit 5, its answer filtered out").click()
    page.wait_for_url(f"{server.url}/run?run={run_id}")
    settled(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Start", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def test_its_name_in_the_address_leads_to_it(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/start")
    expect(page.get_by_role("heading", name="Start", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert shown(page)["titles"]


def test_the_door_for_own_models_opens_their_form(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(server.url)
    page.get_by_role("link", name="Look at my model").click()
    expect(page.get_by_role("button", name="Unlearn a model here instead")).to_be_visible(timeout=PATIENCE_MS)
