"""The Drift page in a real browser: the picture, what is linked to it, and rounds that arrive while one looks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from cu_core.projections.draw import draw
from cu_core.projections.map_request import MapRequest
from cu_core.runstore.reader import open_run
from tests.browser.viewer_driver import FIND, LINKED, SPOT, STATE, drag, growing_run, pixels, reaches, thumb
from tests.browser.waiting import QUIET_MS, asked, drawn, eventually, heard, nothing_spills, quiet, until
from tests.madeup import MadeUp, write_round, write_run
from tests.served import Server, serve
from tests.written_arrays import write_array

pytestmark = pytest.mark.browser

MADE = MadeUp(references=(0, 1), channels=3)
LAST = 5
# Corners of a pane in px of the page.
PANE = f"""(pane) => {{ {FIND} const {{ panes, points }} = board.inspect(); const {{ box }} = panes[pane]
  const at = points.getBoundingClientRect(); const [x, y] = [at.x + box.x, at.y + box.y]
  return [x, y, x + box.width, y + box.height] }}"""

# The part of the data that is shown, in the units of the axes.
PART = f"""() => {{ {FIND} const {{ state }} = board.inspect()
  return state.view().zoom.map((ends, axis) => ends.map((end) => state.scene.value(axis, end))) }}"""


@pytest.fixture(scope="module")
def home_with_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("drift")) as running:
        rest(write_run(running.home, made=MADE))
        draw(running.home, MapRequest("madeup-1"))
        yield running


def rest(run_dir: Path) -> None:
    """Lets the retain samples keep their embedding of round 0 to the last bit."""
    start = np.load(run_dir / "rounds" / "0" / "embedding.npy")
    still = (pd.read_parquet(run_dir / "probe.parquet")["group"] == "retain").to_numpy()
    for folder in (run_dir / "rounds").iterdir():
        embedding = np.load(folder / "embedding.npy")
        embedding[still] = start[still]
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["arrays"]["embedding"] = write_array(folder / "embedding.npy", embedding)
        (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def visit(home_with_runs: Server, open_tab: Callable[..., Page]) -> Callable[..., Page]:
    def visited(query: str = "", scheme: str = "light") -> Page:
        page = open_tab("about:blank", scheme)
        page.goto(f"{home_with_runs.url}/drift?run=madeup-1{query}")
        ready(page)
        return page

    return visited


def ready(page: Page) -> None:
    page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().frames }}")
    quiet(page)


def look(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(STATE)
    return found


def still_thumb(page: Page, share: float) -> tuple[float, float]:
    """Place of the slider's thumb on a page that is never at rest, once parts above it no longer move it."""

    def stays() -> bool:
        before = thumb(page, share)
        page.wait_for_timeout(QUIET_MS)
        return thumb(page, share) == before

    until(page, stays, "the slider stays where it is")
    return thumb(page, share)


def to_round(page: Page, number: int) -> None:
    with heard(page):
        page.mouse.click(*thumb(page, number / LAST))
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().number === {number} }}")
    quiet(page)


def test_points_move_with_the_round_and_unmoved_ones_stay_where_they_are(
    visit: Callable[..., Page], home_with_runs: Server
) -> None:
    page = visit("&view=Map")
    view = open_run(home_with_runs.home, "madeup-1")
    still = int(np.flatnonzero((view.probe()["group"] == "retain").to_numpy())[-1])
    mover = int(np.asarray(view.array(LAST, "moved")).argmax())
    before = {k: page.evaluate(SPOT, [1, k]) for k in (still, mover)}
    seen = pixels(page, 1, still)
    assert seen.min() < 200, "nothing is drawn there"
    to_round(page, 0)
    after = {k: page.evaluate(SPOT, [1, k]) for k in (still, mover)}
    assert after[still] == before[still]
    eventually(page, lambda: np.testing.assert_array_equal(pixels(page, 1, still)[4:7, 4:7], seen[4:7, 4:7]))
    assert np.hypot(*np.subtract(after[mover], before[mover])) > 20


def test_scrubbing_sends_nothing_to_the_server_and_a_release_once(visit: Callable[..., Page]) -> None:
    page = visit()
    before = asked(page)
    assert before, "nothing was listened to"
    page.mouse.move(*thumb(page, 1))
    page.mouse.down()
    for k in range(25):
        page.mouse.move(*thumb(page, 1 - k / 25))
    reaches(page, number=0)
    quiet(page)
    assert asked(page) == before
    with heard(page):
        page.mouse.up()
    quiet(page)
    assert asked(page) - before <= 2, "the release, and perhaps an answer to it"
    page.wait_for_url("**round=0**")


def lasso(page: Page) -> None:
    """Draws around all of the round's pane."""
    page.get_by_role("button", name="Lasso").click()
    left, top, right, bottom = page.evaluate(PANE, 1)
    drag(page, [(left + 2, top + 2), (right - 2, top + 2), (right - 2, bottom - 2), (left + 2, bottom - 2)])


def test_a_lasso_lights_the_charts_without_the_server_and_a_curve_lights_the_viewer(visit: Callable[..., Page]) -> None:
    page = visit()
    page.wait_for_function(f"() => ({LINKED})().drawn")
    assert page.evaluate(LINKED)["chosen"] == [] and page.evaluate(LINKED)["shown"] == 40
    # The server may think as long as it likes.
    page.context.set_offline(True)
    lasso(page)
    chosen = look(page)["chosen"]
    assert len(chosen) > 20
    until(page, lambda: page.evaluate(LINKED)["chosen"] == chosen, "the charts have lit the same samples")
    expect(page.locator(".what")).to_contain_text(f"{len(chosen)} selected samples")
    expect(page.locator(".tile")).to_have_count(min(len(chosen), 120))
    page.locator(".curves").evaluate("(part) => part.scrollIntoView({ block: 'center' })")
    drawn(page)
    x, y, height = page.evaluate(LINKED)["last"]
    drag(page, [(x, y + 1), (x, y + 0.5 * height)])
    fewer = page.evaluate(LINKED)["chosen"]
    assert 0 < len(fewer) < len(chosen) and set(fewer) < set(chosen)
    reaches(page, chosen=fewer)
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile").nth(1)).to_be_focused()
    page.locator(".tile").first.click()
    reaches(page, chosen=fewer[:1])
    # The strip is made anew with one picture, which is the one that had the keyboard.
    expect(page.locator(".tile")).to_be_focused()


def test_a_selection_and_the_round_follow_to_another_page_and_into_a_link(
    visit: Callable[..., Page], open_tab: Callable[..., Page]
) -> None:
    page = visit()
    with heard(page):
        lasso(page)
    chosen = look(page)["chosen"]
    to_round(page, 2)
    page.wait_for_url("**round=2**")
    page.wait_for_url("**picked=**")
    other = open_tab(page.url)
    ready(other)
    reaches(other, chosen=chosen, number=2)
    page.get_by_role("link", name="Confidence").click()
    expect(page.get_by_text("selected on Drift")).to_be_visible()
    page.get_by_role("link", name="Drift", exact=True).click()
    ready(page)
    reaches(page, chosen=chosen, number=2)


def test_the_card_shows_the_image_of_the_sample(visit: Callable[..., Page], home_with_runs: Server) -> None:
    page = visit()
    sample = 3
    page.mouse.move(*page.evaluate(SPOT, [0, sample]))
    page.mouse.move(*page.evaluate(SPOT, [1, sample]), steps=3)
    card = page.locator(".card").filter(has_text="Forget")
    expect(card).to_be_visible()
    samples = open_run(home_with_runs.home, "madeup-1").probe()["sample"]

    def says_whose() -> None:
        assert f"train sample {samples.iloc[look(page)['hovered']]}" in card.inner_text()

    eventually(page, says_whose)
    expect(card.locator(".image")).to_have_css("background-image", re.compile(r"^url\("))


def test_a_view_that_has_to_be_drawn_appears_by_itself(visit: Callable[..., Page]) -> None:
    page = visit("&view=Linear")
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.scene.view.startsWith('linear') }}")
    expect(page.get_by_text("Plotted movement", exact=False).first).to_be_visible()


# Colours do not change what fits; the other pairs are for those who look at the pictures.
@pytest.mark.parametrize(
    ("view", "scheme"),
    [("Boundary", "light"), ("Map", "dark")]
    + ([("Boundary", "dark"), ("Map", "light")] if os.environ.get("CU_TEST_SCREENSHOTS") else []),
)
def test_pictures_for_people(
    visit: Callable[..., Page], shoot: Callable[[Page, str], None], view: str, scheme: str
) -> None:
    page = visit(f"&view={view}", scheme)
    nothing_spills(page)
    shoot(page, f"drift-{view.lower()}-{scheme}")


def test_new_rounds_arrive_without_losing_round_zoom_or_selection(
    home_with_runs: Server, open_tab: Callable[..., Page], tmp_path: Path
) -> None:
    home, made = home_with_runs.home, MadeUp(state="running", rounds=2)
    run_dir = growing_run(home, made, tmp_path)
    page = open_tab(f"{home_with_runs.url}/drift?run=growing")
    # A page that follows a run is never at rest.
    page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().frames }}")
    page.mouse.click(*still_thumb(page, 0.5))
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().number === 1 }}")
    page.get_by_role("button", name="Choose samples").click()
    page.get_by_role("button", name="Largest movers").click()
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.chosen.size > 5 }}")
    page.keyboard.press("Escape")
    # The click has scrolled away from the picture.
    page.locator(".play").evaluate("(part) => part.scrollIntoView({ block: 'end' })")
    drawn(page)
    whole = look(page)["zoom"]
    x, y = page.evaluate(SPOT, [1, 3])
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    until(page, lambda: look(page)["zoom"] != whole, "the wheel has zoomed")
    page.wait_for_timeout(500)
    before, part = look(page), page.evaluate(PART)
    write_round(run_dir, made, open_run(home, "growing").probe(), 3)
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.scene.rounds.length === 4 }}")
    drawn(page)
    after = look(page)
    assert after["number"] == 1 and after["chosen"] == before["chosen"]
    # The axes have grown, and the same part of them is shown.
    np.testing.assert_allclose(page.evaluate(PART), part, rtol=1e-6, atol=1e-6)
