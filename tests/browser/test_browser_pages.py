"""The pages in a real browser: cold links, a whole job from click to pictures, light and dark."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from cu_core.runstore.reader import list_runs, open_run
from tests.browser.viewer_driver import FIND
from tests.browser.waiting import heard, settled, still_box
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser
# The last word of each title.
NAVIGATION = [
    "Start",
    "Learn",
    "Terms",
    "Runs",
    "Launch",
    "Sweep",
    "Compare",
    "tables",
    "Run",
]
JOB_MS = 400_000


def heading(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def set_number(page: Page, label: str, value: str) -> None:
    name = re.compile(rf"^{re.escape(label)}")
    field = page.get_by_role("textbox", name=name).or_(page.get_by_role("spinbutton", name=name)).first
    field.fill(value)
    with heard(page):
        field.press("Enter")
    expect(field).to_have_value(value)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all who only look, each in a new session."""
    with serve(tmp_path_factory.mktemp("shared")) as running:
        write_run(running.home, "shown", MadeUp())
        yield running


@pytest.mark.parametrize("path", ["", "runs", "launch", "run", "drift", "confidence"])
def test_a_cold_link_to_each_page_shows_the_frame_and_the_page(
    shared: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None], path: str
) -> None:
    page = open_tab(f"{shared.url}/{path}" + ("?run=shown" if path in ("run", "drift", "confidence") else ""))
    heading(page, (path or "start").capitalize())
    settled(page)
    # The icon's name comes first where its font is not loaded yet.
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_text([re.compile(rf"{word}$") for word in NAVIGATION])
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Dispatcher")).to_be_visible()
    shoot(page, f"cold-{path or 'start'}")


@pytest.mark.always
def test_launch_to_pictures_in_one_go(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/launch")
    heading(page, "Launch")
    # The preview prepares the dataset in another process and then shows what would be forgotten.
    expect(page.get_by_text("training images (10.1%) would be forgotten")).to_be_visible(timeout=JOB_MS)
    expect(page.get_by_role("img", name="Small pictures of images to forget")).to_be_visible()
    for part in ("images", "training", "stop", "run"):
        with heard(page):
            page.locator(f".st-key-part_{part} summary").first.click()
    for part in ("images", "stop"):
        with heard(page):
            page.locator(f".st-key-part_{part}").get_by_role("radio", name="at most").first.click()
    # Fewer training images have to be prepared anew; the chosen class stays chosen meanwhile.
    for label, value in (
        ("Training images", "400"),
        ("Epochs", "2"),
        ("Most rounds", "2"),
        ("Probe size (samples)", "120"),
        ("References", "0"),
    ):
        set_number(page, label, value)
    shoot(page, "launch")
    page.get_by_role("button", name="Launch", exact=True).click()

    heading(page, "Run")
    page.wait_for_url(re.compile(r"/run\?run="))
    run_id = page.url.partition("run=")[2]
    assert [row.run_id for row in list_runs(server.home)] == [run_id]
    spec = open_run(server.home, run_id).spec
    assert (spec.train.epochs, spec.stop.max_rounds, spec.probe.size, spec.reference) == (2, 2, 120, 0)
    assert (spec.data.train_limit, spec.forget.select) == (400, "class:5")
    shoot(page, "run-started")

    # Another visitor follows the same run by its address alone.
    other = open_tab(page.url, scheme="dark")
    heading(other, "Run")
    for visitor in (page, other):
        expect(visitor.get_by_text("Before, after and reference")).to_be_visible(timeout=JOB_MS)
        settled(visitor)
        expect(visitor.get_by_test_id("stPlotlyChart")).to_be_visible()
        expect(visitor.get_by_text(re.compile("^took "))).to_be_visible()
    assert open_run(server.home, run_id).state == "succeeded"
    shoot(page, "run-finished-light")
    shoot(other, "run-finished-dark")

    links = page.locator(".st-key-pages_of_run")
    links.get_by_role("link", name="Drift").click()
    heading(page, "Drift")
    page.wait_for_url(re.compile(rf"/drift\?run={run_id}"))
    page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().frames }}")
    settled(page)
    shoot(page, "drift-light")
    links.get_by_role("link", name="Confidence").click()
    heading(page, "Confidence")
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
    settled(page)
    page.wait_for_url(f"**run={run_id}**")
    shoot(page, "confidence-light")

    # A reload is a new session: the address alone brings the same run back.
    page.reload()
    heading(page, "Confidence")
    settled(page)
    page.get_by_role("button", name="More").click()
    expect(page.get_by_test_id("stCode")).to_have_text(run_id)
    if sys.platform.startswith("linux"):
        assert "libtorch" not in server.libraries()


def test_a_double_click_launches_one_run(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/launch")
    expect(page.get_by_text("would be forgotten")).to_be_visible(timeout=JOB_MS)
    settled(page)
    page.get_by_role("button", name="Launch", exact=True).dblclick()
    heading(page, "Run")
    settled(page)
    assert len(list_runs(server.home)) == 1
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(re.compile("cancelled|succeeded")).first).to_be_visible(timeout=JOB_MS)


def test_ticked_runs_are_compared(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    for number in range(3):
        write_run(server.home, f"run-{number}", MadeUp(seed=number, rounds=6))
    page = open_tab(f"{server.url}/runs", scheme="dark")
    heading(page, "Runs")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    settled(page)
    for row in (0, 2):
        box = still_box(page, table)
        with heard(page):
            page.mouse.click(box["x"] + 16, box["y"] + 53 + 35 * row)
    expect(page.get_by_text("Compare 2 runs")).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    settled(page)
    shoot(page, "runs-compared-dark")
    # A new run moves the rows; the ticks stay with their runs.
    write_run(server.home, "run-9", MadeUp(seed=9))
    page.get_by_placeholder("Search title").fill("digits")
    page.get_by_placeholder("Search title").press("Enter")
    expect(page.get_by_text("4 of 4 runs")).to_be_visible()
    expect(page.get_by_text("Compare 2 runs")).to_be_visible()


def test_the_button_in_the_table_opens_its_run(shared: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{shared.url}/runs")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    settled(page)
    box = still_box(page, table)
    page.mouse.click(box["x"] + 68, box["y"] + 53)
    heading(page, "Run")
    page.wait_for_url("**run=shown")
