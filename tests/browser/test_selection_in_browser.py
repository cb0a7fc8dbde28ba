"""One selection for all pages in a real browser: from the Drift page to others, and into a new forget set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cu_core.data.index_file import read_indices
from cu_core.runstore.reader import open_run
from tests.browser.waiting import heard, settled, still_box
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("selection")) as running:
        write_run(running.home, "mine", MadeUp(channels=3))
        yield running


def go(page: Page, title: str) -> None:
    """To another page of the same session."""
    page.locator(".st-key-pages_of_run").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settled(page)


def test_a_selection_follows_to_other_pages_and_becomes_a_forget_set(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    view = open_run(server.home, "mine")
    probe, predicted = view.probe(), np.asarray(view.array(5, "top3_class"))[:, 0]
    gone = np.flatnonzero((probe["group"] == "forget") & (predicted != probe["label"]))
    page = open_tab(f"{server.url}/drift?run=mine")
    page.get_by_role("button", name="Choose samples").click()
    page.get_by_role("button", name=f"Prediction changed ({len(gone)})").click()
    expect(page.get_by_text(f"{len(gone)} samples selected: {len(gone)} forget.")).to_be_visible()
    expect(page.locator(".what")).to_contain_text(f"{len(gone)} selected samples")
    with heard(page):
        page.get_by_role("radio", name="Remove from it").click()
    page.get_by_role("textbox", name="Search").fill(f"train:{int(probe['sample'][gone[0]])}")
    page.get_by_role("textbox", name="Search").press("Enter")
    rest = len(gone) - 1
    expect(page.get_by_text(f"{rest} samples selected: {rest} forget.")).to_be_visible()
    shoot(page, "selection-drift")
    page.keyboard.press("Escape")

    go(page, "Confidence")
    expect(page.get_by_text(f"{rest} samples selected on Drift: {rest} forget.")).to_be_visible()
    expect(page.get_by_text("Strokes at the foot are the selected samples")).to_be_visible()
    with heard(page):
        page.get_by_text("Only these").click()
    expect(page.get_by_text("Everything below is about these samples alone")).to_be_visible()
    expect(page.locator(".legendtext").filter(has_text=f"Forget (n = {rest})").first).to_be_visible()
    expect(page.get_by_text(f"n = {rest} selected samples in every pane")).to_be_visible()
    shoot(page, "selection-confidence")

    go(page, "Attack")
    expect(page.get_by_text("ROC curve are left out here")).to_be_visible()

    go(page, "Drift")
    page.get_by_role("button", name="Forget these instead").click()
    expect(page.get_by_text(f"A copy of mine that forgets the {rest} samples selected there")).to_be_visible()
    page.wait_for_url(f"{server.url}/launch**clone=mine**")
    expect(page.get_by_text(f"{rest} of 600 training images")).to_be_visible()
    (stored,) = server.home.uploads.iterdir()
    indices = read_indices(stored.name, server.home.uploads, 600, "forget.select")
    assert indices.tolist() == sorted(probe["sample"].iloc[gone[1:]])
    shoot(page, "selection-launch")


def test_what_is_cleared_elsewhere_is_cleared_in_the_signal_space(
    server: Server, open_tab: Callable[..., Page]
) -> None:
    page = open_tab(f"{server.url}/drift?run=mine")
    page.get_by_role("button", name="Choose samples").click()
    page.get_by_role("textbox", name="Search").fill("class:five")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.get_by_text("samples selected:")).to_be_visible()
    page.keyboard.press("Escape")
    go(page, "Signal space")
    clear = page.get_by_role("button", name="Clear selection")
    expect(clear).to_be_enabled()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("selected on Drift")).to_have_count(0)
    expect(clear).to_be_disabled()


def test_ticking_a_line_of_the_table_selects_it(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/drift?run=mine&part=Table")
    found = page.locator("[class*='st-key-selected_table'] [data-testid='stDataFrame']")
    box = still_box(page, found)
    page.mouse.click(box["x"] + 16, box["y"] + 38 + 17)
    expect(page.get_by_text("1 sample selected: 1 forget.")).to_be_visible()
    # What appears above the table moves it.
    box = still_box(page, found)
    page.mouse.click(box["x"] + 16, box["y"] + 38 + 35 + 17)
    expect(page.get_by_text("2 samples selected: 2 forget.")).to_be_visible()
