"""A deep audit in a real browser: from the button on a run to the run that it makes, and what a finished one shows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cu_core.runstore.reader import list_runs, open_run
from tests.browser.waiting import heard, nothing_spills, settled
from tests.madeup import MadeUp, write_run
from tests.pages.test_deep_audit_page import deep
from tests.served import Server

pytestmark = pytest.mark.browser


def test_the_button_leads_to_the_run_that_it_makes(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    write_run(server.home, "shown", MadeUp())
    page = open_tab(f"{server.url}/run?run=shown")
    settled(page)
    with heard(page):
        page.get_by_text("Deep audit", exact=True).click()
    number = page.get_by_role("spinbutton", name="Shadow models")
    number.fill("12")
    with heard(page):
        number.press("Enter")
    shoot(page, "deep-audit-offered")
    page.get_by_role("button", name="Start the deep audit").click()
    page.wait_for_url(re.compile(r"run=\d{8}-deep-audit-of-"))
    settled(page)
    run_id = page.url.partition("run=")[2]
    spec = open_run(server.home, run_id).spec
    assert (spec.audit.shadows, spec.audit.of_run) == (12, "shown")
    assert len(list_runs(server.home)) == 2


def test_a_finished_one_shows_who_is_at_risk(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    write_run(server.home, "shown", MadeUp(result={"deep_audit": deep(of_run="other")}))
    page = open_tab(f"{server.url}/run?run=shown")
    expect(page.get_by_role("heading", name="Deep audit")).to_be_visible()
    expect(page.get_by_role("img", name="Pictures of forgotten samples most at risk: 5, 15")).to_be_visible()
    settled(page)
    nothing_spills(page)
    page.get_by_role("heading", name="Deep audit").scroll_into_view_if_needed()
    shoot(page, "deep-audit-found")
