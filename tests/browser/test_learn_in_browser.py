"""A lesson in a real browser: guess and reveal, a presenter's keys, what is typed stays typed, narrow and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import heard, nothing_spills, settled
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.served import Server, serve

pytestmark = pytest.mark.browser
NARROW = 390
LESSON = "what-unlearning-does"
FIVE = (0, 1, 2, 3, 4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("learn")) as running:
        write_run(running.home, "class-run", MadeUp(references=FIVE, result={"verdict": madeup_verdict("differs")}))
        write_run(running.home, "samples-run", MadeUp(select="fraction:0.1", references=FIVE))
        yield running


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible()
    settled(page)


def test_a_guess_is_locked_in_and_drawn_beside_what_was_measured(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/learn")
    title(page, "We delete a class")
    expect(page.get_by_text("Measured:")).to_have_count(0)
    handle = page.get_by_role("slider")
    with heard(page):
        handle.press("ArrowRight")
    with heard(page):
        page.get_by_role("button", name="Lock in my answer").click()
    expect(page.get_by_text("Your answer: 51 %").first).to_be_visible()
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_contain_text("Your answer: 51 %")
    expect(page.get_by_text("What may we honestly say?")).to_be_visible()
    nothing_spills(page)
    shoot(page, "learn-reveal")
    page.set_viewport_size({"width": NARROW, "height": 1200})
    nothing_spills(page)
    shoot(page, "learn-reveal-narrow")


def test_arrow_keys_lead_a_presenter_through_the_lesson_and_not_while_a_field_has_them(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/learn?lesson={LESSON}&step=class&present=1", "dark")
    title(page, "We delete a class")
    expect(page.get_by_test_id("stSidebar")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"0:\d\d of 15 min · step 1 of 12"))).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "22px"
    shoot(page, "learn-presenting-dark")
    with heard(page):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("reveal=1"))
    expect(page.get_by_text("Measured:").first).to_be_visible()
    with heard(page):
        page.keyboard.press("PageDown")
    title(page, "Round by round")
    expect(page).to_have_url(re.compile(r"step=rounds"))
    expect(page).to_have_url(re.compile(r"present=1"))
    with heard(page):
        page.keyboard.press("ArrowLeft")
    title(page, "We delete a class")
    # The keys of a slider are its own.
    with heard(page):
        page.get_by_role("slider").press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"step=class"))
    expect(page.get_by_text("49 %").first).to_be_visible()
    with heard(page):
        page.get_by_role("button", name="End presenting").click()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") != "22px"


def test_an_audience_answers_on_the_address_of_the_code_and_the_room_sees_bars(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    wall = open_tab(f"{server.url}/learn?lesson={LESSON}&step=references&present=1")
    title(wall, "Which retrained network")
    expect(wall.get_by_text("0 answers from the audience so far")).to_be_visible()
    wall.get_by_role("button", name="Audience").click()
    expect(wall.get_by_role("img", name="QR code of http")).to_be_visible()
    address = wall.get_by_test_id("stCode").inner_text().strip()
    assert address == f"{server.url}/learn?lesson={LESSON}&step=references&audience=1"
    shoot(wall, "learn-audience")
    for option in (0, 2):
        phone = open_tab(address)
        phone.set_viewport_size({"width": NARROW, "height": 900})
        title(phone, "Which retrained network")
        with heard(phone):
            phone.get_by_role("radiogroup").locator("label").nth(option).click()
        with heard(phone):
            phone.get_by_role("button", name="Lock in my answer").click()
        expect(phone.get_by_text("Right is:" if option == 0 else "Yes.").first).to_be_visible()
    expect(wall.get_by_text("2 answers from the audience so far")).to_be_visible()
    wall.keyboard.press("Escape")
    with heard(wall):
        wall.keyboard.press("PageDown")
    expect(wall.get_by_text("2 answers, without names")).to_be_visible()
    shoot(wall, "learn-bars")
