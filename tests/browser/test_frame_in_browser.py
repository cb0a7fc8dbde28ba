"""The frame around all pages in a real browser: tabs, addresses, widths, the head of a run, and a quiet console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from cu_core.runstore.annotations import Annotations, annotate, read_annotations
from pages._frame.page_records import pages
from tests.browser.waiting import heard, settled
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser
MOST_HEAD, MOST_SIDEBAR, MOST_PADDING = 150, 220, 32


@pytest.fixture(scope="module", params=["", "/lab"], ids=["at the root", "below a path"])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("frame"), base=request.param) as running:
        write_run(running.home, "shown", MadeUp())
        write_run(running.home, "other", MadeUp(channels=3))
        annotate(running.home, "other", Annotations("The other one"))
        yield running


@contextmanager
def quiet(page: Page) -> Iterator[None]:
    """Nothing is logged as an error, and nothing that is asked for is missing."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("response", lambda answer: said.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    assert said == []


def test_links_to_every_page_log_no_error_and_the_tab_names_page_and_run(
    server: Server, open_tab: Callable[..., Page]
) -> None:
    page = open_tab("about:blank")
    with quiet(page):
        for record in pages().values():
            page.goto(f"{server.url}/{record.id}" + ("?run=other" if record.needs != "nothing" else ""))
            expect(page.locator("h1")).to_have_text(record.title)
            name = "Unlearnscope" if record.needs == "nothing" else "The other one"
            expect(page).to_have_title(f"{record.title} · {name}")
            settled(page)
        page.goto(server.url)
        settled(page)


def test_an_unknown_address_says_so_and_leads_on(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab("about:blank")
    with quiet(page):
        page.goto(f"{server.url}/drfit")
        expect(page.locator("h1")).to_have_text("No such page")
        expect(page.get_by_text("Nothing lies at the address /drfit; did you mean drift?")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.url == f"{server.url}/drfit"
        settled(page)
        page.get_by_test_id("stMain").get_by_role("link", name="Runs").click()
        expect(page.locator("h1")).to_have_text("Runs")
        page.wait_for_url(f"{server.url}/runs")


def test_the_head_is_low_and_keeps_run_and_round_from_page_to_page(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/drift?run=shown&round=3")
    head, links = page.locator(".st-key-run_head"), page.locator(".st-key-pages_of_run")
    expect(page.locator("h1")).to_have_text("Drift")
    settled(page)
    shoot(page, "head-drift")
    box, side = head.bounding_box(), page.get_by_test_id("stSidebar").bounding_box()
    assert box is not None and side is not None
    assert box["height"] <= MOST_HEAD and side["width"] <= MOST_SIDEBAR
    assert box["x"] - side["width"] <= MOST_PADDING
    expect(links.get_by_role("link").first).to_be_visible()
    tops = {round(link.bounding_box()["y"]) for link in links.get_by_role("link").all()}  # type: ignore[index]
    assert len(tops) == 1, "all links stand in one row"
    with heard(page):
        links.get_by_role("link", name="Confidence").click()
    expect(page.locator("h1")).to_have_text("Confidence")
    page.wait_for_url("**/confidence?run=shown&round=3")
    settled(page)
    page.get_by_role("button", name="Other run").click()
    page.get_by_test_id("stPopoverBody").get_by_role("combobox").click()
    with heard(page):
        page.get_by_role("option", name="The other one").click()
    expect(head.locator("h2")).to_have_text("The other one")


def test_the_title_is_written_in_place_and_found_in_the_list(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/run?run=shown")
    settled(page)
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").fill("Fives, *gently*")
    page.get_by_role("textbox", name="Tags").fill("lecture, week 3")
    page.get_by_role("textbox", name="Notes").fill("Shown on Monday.")
    shoot(page, "head-edit")
    with heard(page):
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".st-key-run_head h2")).to_have_text("Fives, *gently*")
    expect(page.get_by_text("week 3")).to_be_visible()
    expect(page).to_have_title("Run · Fives, *gently*")
    expect(page.get_by_role("textbox", name="Title")).to_have_count(0)
    wanted = Annotations("Fives, *gently*", ("lecture", "week 3"), "Shown on Monday.")
    assert read_annotations(server.home.runs / "shown") == wanted
    page.goto(f"{server.url}/runs?q=monday+lecture")
    expect(page.get_by_text("1 of 2 runs.")).to_be_visible()
