"""Ctrl-K in a real browser: a dialog that holds the keyboard, finds by any word, and goes where Enter says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.waiting import nothing_spills
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser
# What has the keyboard, also inside of a component.
FOCUS = """() => { let at = document.activeElement
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at?.getAttribute("role") ?? at?.tagName }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("palette")) as running:
        write_run(running.home, "wished-1", MadeUp(spec={"name": "Zebras for nobody"}))
        yield running


def opened(page: Page) -> Locator:
    # Its script has come when its button can be pressed.
    expect(page.get_by_role("button", name="Search Ctrl-K")).to_be_enabled()
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search pages, runs and terms")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("combobox", name="Search pages, runs and terms")).to_be_focused()
    return dialog


def test_it_goes_to_a_term_a_page_and_a_run(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/compare")
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    dialog = opened(page)
    # Letters that are shortcuts of Streamlit itself: they are letters here.
    page.keyboard.type("noise band")
    expect(dialog.get_by_role("option")).to_have_count(1)
    shoot(page, "palette-light")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/terms\?term=band$"))
    expect(page.get_by_role("heading", name="Band", exact=True)).to_be_visible()
    expect(page.locator(".katex-error")).to_have_count(0)
    nothing_spills(page)
    dialog = opened(page)
    page.keyboard.type("zebras")
    expect(dialog.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/run\?run=wished-1$"))
    opened(page)
    page.keyboard.type("paper tables")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/papers$"))


def test_the_keyboard_stays_in_it_and_escape_gives_it_back(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/terms", "dark")
    expect(page.get_by_role("heading", name="Terms", exact=True)).to_be_visible()
    button = page.get_by_role("button", name="Search")
    button.click()
    dialog = page.get_by_role("dialog", name="Search pages, runs and terms")
    expect(dialog).to_be_visible()
    chosen = dialog.get_by_role("option", selected=True)
    first = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() != first
    expect(page.get_by_role("combobox", name="Search pages")).to_have_attribute("aria-activedescendant", "found-1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() == dialog.get_by_role("option").last.inner_text(), "past the first comes the last"
    page.keyboard.type("nothing has such a name")
    expect(dialog.get_by_role("status")).to_have_text("Nothing is called so.")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS) in ("combobox", "BODY"), "behind the dialog nothing takes the keyboard"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    assert page.url.endswith("/terms")


def test_it_opens_where_the_sidebar_is_folded_and_fits_a_phone(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/terms?term=weight-distance")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    expect(page.get_by_role("heading", name="Distance of weights")).to_be_visible()
    button = page.locator("button.open")
    expect(button).to_have_count(1)
    expect(button).not_to_be_in_viewport()
    box = opened(page).bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
