"""Tuning in a real browser: the form, the table and picture of trials, and their values in the launch form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cu_core.analysis.tuning.trial_results import best_of, trials_of
from cu_core.base.home import Home
from cu_core.catalogue.named_recipes import recipes_of
from tests.browser.waiting import PATIENCE_MS, settled
from tests.served import Server, serve
from tests.tuned_runs import planned, write_trial

pytestmark = pytest.mark.browser


@pytest.fixture
def started(home: Home, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts a server on the home when it is called: one that is there earlier takes half-written runs for queued."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serve(tmp_path))


def test_trials_are_seen_and_the_nearest_goes_to_the_launch_form(
    home: Home,
    started: Callable[[], Server],
    open_tab: Callable[..., Page],
    shoot: Callable[[Page, str], None],
) -> None:
    tuning = planned(home, trials=4)
    for number in (1, 2, 3):
        write_trial(home, tuning, number, rounds=2 + number)
    write_trial(home, tuning, 4, state="failed")
    best = best_of(trials_of(tuning, home))
    assert best is not None
    page = open_tab(f"{started().url}/sweep?tuning={tuning.name}")
    expect(page.get_by_text("4 of 4 trials over")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    expect(page.get_by_text("kept for results: class:5 with seed 0, and every other seed.").first).to_be_visible()
    chart = page.get_by_test_id("stPlotlyChart").first
    expect(chart.locator(".main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    # Both hyper-parameters have a pane, with a star for the nearest trial.
    expect(chart.locator(".xtitle, .x2title")).to_have_count(2)
    expect(chart.get_by_text("Nearest", exact=True)).to_be_visible()
    page.get_by_role("button", name="Use these values").scroll_into_view_if_needed()
    shoot(page, "tuning")
    page.get_by_role("button", name="Use these values").click()
    expect(page.locator("h1")).to_have_text("Launch", timeout=PATIENCE_MS)
    settled(page)
    assert recipes_of(home)[tuning.name].values == best.values
    page.locator(".st-key-part_method summary").first.click()
    expect(page.get_by_text("distance to retraining").first).to_be_visible(timeout=PATIENCE_MS)
    alpha = (
        page.get_by_role("textbox", name="Selection α").or_(page.get_by_role("spinbutton", name="Selection α")).first
    )
    expect(alpha).to_have_value(f"{best.values['alpha']:g}")
    shoot(page, "tuning-launch")
