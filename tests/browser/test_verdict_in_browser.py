"""The verdict in a real browser: its page wide and narrow, light and dark, the chip in the list, the way to Drift."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from cu_core.catalogue.question_record import QUESTIONS, STATES
from cu_core.catalogue.verdict_states import state_words
from tests.browser.waiting import eventually, nothing_spills, settled, still_box
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import SETTLED, madeup_verdict
from tests.served import Server, serve

pytestmark = pytest.mark.browser
EIGHT = tuple(range(8))
NARROW = 390
TWO_SCREENS = 1800
# Beyond the end of the axis on either side, and close to both ends of it.
FAR = (5e4, -5e4, 900.0, -900.0, 1.0, -40.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("verdict")) as running:
        for seed, state in enumerate(("no-difference-found", "differs", "cannot-tell")):
            verdict = madeup_verdict(state)
            tested = [claim for claim in verdict["claims"] if claim["tests"]]
            for claim, value in zip(tested, FAR, strict=False):
                claim["tests"][0] |= {"value": value, "base": -value}
            write_run(running.home, state, MadeUp(references=EIGHT, seed=seed, result={"verdict": verdict}))
        write_run(running.home, "older", MadeUp(seed=5))
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_the_page_fits_wide_and_narrow_and_says_the_state(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None], state: str, scheme: str
) -> None:
    page = open_tab(f"{server.url}/verdict?run={state}", scheme)
    expect(page.locator("h1")).to_have_text("Verdict")
    words = "without an answer" if state == "cannot-tell" else "without a difference"
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    settled(page)
    shut = "|".join(["In order", *(state_words(each) for each in STATES if each != "differs")])
    folded = page.locator("summary").filter(has_text=re.compile(shut))
    if state != "differs":
        expect(folded).to_have_count(len(QUESTIONS))
        assert page.get_by_test_id("stMainBlockContainer").evaluate("e => e.scrollHeight") <= TWO_SCREENS
    for line in folded.all():
        line.click()
    charts = page.locator(".js-plotly-plot")
    expect(charts).to_have_count(len(QUESTIONS) - len(SETTLED))
    settled(page)
    expect(page.get_by_text(state_words(state)).first).to_be_visible()
    expect(charts.first).to_contain_text("This model")
    nothing_spills(page)
    shoot(page, f"verdict-{state}-{scheme}")
    page.set_viewport_size({"width": NARROW, "height": 1200})
    nothing_spills(page)
    shoot(page, f"verdict-{state}-{scheme}-narrow")


def test_the_run_page_leads_to_the_questions_and_on_to_the_samples(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/run?run=differs")
    head = page.locator(".st-key-verdict_head")
    expect(head).to_contain_text("In short it is differs.")
    settled(page)
    above = page.get_by_text("Before, after and reference").bounding_box()
    box = head.bounding_box()
    assert above is not None and box is not None and box["y"] + box["height"] < above["y"]
    expect(page.get_by_text("Of 8 retrained models")).to_be_hidden()
    head.get_by_text("For statisticians").click()
    expect(page.get_by_text("Of 8 retrained models")).to_be_visible()
    shoot(page, "verdict-head")
    head.get_by_role("link", name="Question by question").click()
    expect(page.locator("h1")).to_have_text("Verdict")
    page.wait_for_url("**/verdict?run=differs")
    page.get_by_role("button", name="Drift: 20 forget samples known best").click()
    expect(page.locator("h1")).to_have_text("Drift")
    # What is chosen goes into the address.
    page.wait_for_url("**/drift?run=differs*picked=*")
    expect(page.get_by_text(re.compile("20 samples"))).to_be_visible()


def test_a_run_without_one_says_what_to_do(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/run?run=older")
    expect(page.locator(".st-key-no_verdict")).to_contain_text("ask for 5 references or more")
    page.locator(".st-key-no_verdict").get_by_role("link", name="Clone this run").click()
    expect(page.locator("h1")).to_have_text("Launch")


def test_the_list_sorts_runs_from_worst_to_best(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{server.url}/runs")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    settled(page)
    box = still_box(page, table)
    # Left of the column lie the tick, the button, the name and the state, as wide as `runs_table` says.
    page.mouse.click(box["x"] + 33 + 72 + 236 + 92 + 60, box["y"] + 18)

    def sorted_states() -> None:
        heads = [words.strip("↑↓ ") for words in table.locator("th").all_text_contents()]
        assert "Verdict" in heads, heads
        place = heads.index("Verdict")
        rows = table.locator("tbody tr").all()
        shown = [row.locator("td").nth(place).text_content() for row in rows]
        assert [words for words in shown if words in map(state_words, STATES)] == list(map(state_words, STATES))

    eventually(page, sorted_states)
    shoot(page, "runs-by-verdict")
