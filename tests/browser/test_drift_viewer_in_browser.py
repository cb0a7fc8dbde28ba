"""The viewer of drift in a real browser, on a page with nothing else: rounds, gestures, and what the server hears."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.viewer_driver import (
    CANVASES,
    FIND,
    LOSE,
    MIDDLE,
    PLACES,
    SPOT,
    around,
    drag,
    middle_of_forget,
    pixels,
    pointed_at,
    reaches,
    screen,
    state,
    thumb,
    turns_red,
)
from tests.browser.waiting import at_rest, drawn, eventually, quiet
from tests.madeup_scene import made_up_scenes
from tests.served import ROOT, stop, streamlit

pytestmark = pytest.mark.browser

SAMPLES, ROUNDS = 600, 6
LAST = ROUNDS - 1
COLUMNS = 50
FORGET = 7
"""A forget sample."""

NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : original.call(this, kind, ...rest)
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the script that shows the viewer alone."""
    home = tmp_path_factory.mktemp("viewer")
    script = "tests/browser/viewer_script.py"
    url, process = streamlit(script, home / "log", CU_HOME=str(home), PYTHONPATH=str(ROOT))
    yield url
    stop(process)


@pytest.fixture
def opened(address: str, open_tab: Callable[..., Page]) -> Callable[..., Page]:
    def open_view(view: str, more: str = "") -> Page:
        page = open_tab(f"{address}/?view={view}&samples={SAMPLES}&rounds={ROUNDS}{more}")
        page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().frames }}")
        at_rest(page)
        return page

    return open_view


def told(page: Page) -> dict[str, Any]:
    """What the script printed in its last run."""
    found: dict[str, Any] = json.loads(page.locator("code").inner_text())
    return found


def heard(page: Page, runs: int) -> dict[str, Any]:
    """What the script printed in its run of this number, which has to come."""
    expect(page.locator("code")).to_contain_text(f'"runs": {runs},')
    return told(page)


def hears_of(page: Page, number: int) -> int:
    """Waits until the script knows the round; returns the number of its runs.

    Keys in a row are told together where they follow each other fast enough, which a busy machine may not manage.
    """

    def check() -> int:
        found = told(page)
        assert found["round"] == number
        return int(found["runs"])

    return eventually(page, check)


def red(page: Page, pane: int = 1) -> None:
    """Waits until a forget sample is drawn in its colour."""
    turns_red(page, lambda: pixels(page, pane, FORGET))


def close(found: float, wanted: float) -> None:
    """Checks a place on the way between two rounds."""
    assert abs(found - wanted) < 0.05


def zoomed(page: Page, most: float) -> float:
    """Waits until at most this share of the picture's width is on the screen, and it changes no more."""

    def check() -> float:
        (left, right), *_ = state(page)["zoom"]
        assert right - left < most
        return float(right - left)

    eventually(page, check)
    quiet(page)
    return check()


def still_sample() -> int:
    """A retain sample of the class that no forget sample comes near."""
    _, samples = made_up_scenes(SAMPLES, ROUNDS)
    return int(np.flatnonzero((samples.group == 1) & (samples.label == 3))[0])


def test_drawn_points_follow_the_round_and_an_unmoved_sample_stays_at_the_same_pixel(
    opened: Callable[..., Page],
) -> None:
    page = opened("map")
    still = still_sample()
    last, fixed = page.evaluate(SPOT, [1, FORGET]), page.evaluate(SPOT, [1, still])
    red(page)
    untouched = pixels(page, 1, still)
    assert untouched.min() < 180, "nothing is drawn there"
    page.locator(".play").focus()
    page.keyboard.press("Home")
    assert reaches(page, number=0)["titles"][1] == "Before (round 0)"
    first = page.evaluate(SPOT, [1, FORGET])
    assert np.hypot(*np.subtract(first, last)) > 40
    red(page)
    # The last round is not drawn any more.
    turns_red(page, lambda: screen(page, last, 3), False)
    assert page.evaluate(SPOT, [1, still]) == fixed
    eventually(page, lambda: np.testing.assert_array_equal(pixels(page, 1, still), untouched))
    # Also on the way between two rounds, where the cloud of forget samples lies between its two places.
    page.mouse.move(*thumb(page, 0))
    page.mouse.down()
    clouds = []
    for position in (2, 2.5, 3):
        page.mouse.move(*thumb(page, position / LAST), steps=3)
        eventually(page, lambda position=position: close(state(page)["position"], position))
        drawn(page)
        assert page.evaluate(SPOT, [1, still]) == fixed
        clouds.append(middle_of_forget(page, 1))
    page.mouse.up()
    steps = np.diff(clouds, axis=0)
    assert (np.hypot(*steps.T) > 5).all(), clouds
    np.testing.assert_allclose(steps[0], steps[1], atol=3)


def test_the_browser_reads_the_places_that_were_packed(opened: Callable[..., Page]) -> None:
    page = opened("space")
    scenes, _ = made_up_scenes(SAMPLES, ROUNDS)
    scene = scenes["space"]
    span = max(axis.high - axis.low for axis in scene.axes)
    middle = np.array([(axis.low + axis.high) / 2 for axis in scene.axes])
    for moment in (0, 3, ROUNDS):
        places = np.array(page.evaluate(PLACES, [moment])).reshape(-1, 3)
        # A cube of side 1 with a margin of 3 % at either end; one code is a 65,534th of the axis.
        np.testing.assert_allclose(places * 1.06 * span + middle, scene.coordinates[moment], atol=span / 65534)


def test_scrubbing_runs_nothing_on_the_server_and_a_release_runs_it_once(opened: Callable[..., Page]) -> None:
    page = opened("boundary")
    assert told(page)["runs"] == 1
    page.mouse.move(*thumb(page, 1))
    page.mouse.down()
    for k in range(30):
        page.mouse.move(*thumb(page, 1 - 0.017 * k))
    expect(page.locator(".round")).to_have_text("Between 2 and 3 (interpolated)")
    assert state(page)["titles"][1] == "Between 2 and 3 (interpolated)"
    quiet(page)
    assert told(page)["runs"] == 1
    page.mouse.up()
    after = heard(page, 2)
    assert after["round"] == 3
    reaches(page, share=0, number=3)
    quiet(page)
    assert told(page)["runs"] == 2, "one release is one run"
    assert state(page)["number"] == 3


def test_playing_asks_nothing_and_pausing_lands_on_a_round(opened: Callable[..., Page]) -> None:
    page = opened("map")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        f"() => {{ {FIND} const {{ shares, number }} = board.inspect(); return shares.share && number > 0 }}"
    )
    assert told(page)["runs"] == 1
    page.get_by_role("button", name="Pause").click()
    at = heard(page, 2)
    reaches(page, share=0, number=at["round"])
    page.keyboard.press("End")
    reaches(page, number=LAST)
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    reaches(page, number=LAST - 2)
    hears_of(page, LAST - 2)


def test_a_lasso_reports_rows_and_what_is_selected_survives_round_and_view(opened: Callable[..., Page]) -> None:
    page = opened("map")
    page.get_by_role("button", name="Lasso").click()
    drag(page, around(page, 1, FORGET, 30))
    first = heard(page, 2)["selected"]
    assert FORGET + 10 in first and 5 < len(first) < SAMPLES / 2
    still = still_sample()
    drag(page, around(page, 0, still, 5), "Shift")
    more = heard(page, 3)["selected"]
    assert set(more) > set(first) and still + 10 in more
    drag(page, around(page, 2, FORGET, 30), "Alt")
    fewer = heard(page, 4)["selected"]
    assert still + 10 in fewer and FORGET + 10 not in fewer
    page.keyboard.press("Home")
    heard(page, 5)
    page.get_by_test_id("stButtonGroup").get_by_text("space").click()
    assert heard(page, 6)["selected"] == fewer
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.scene.view === 'space' }}")
    # Another view keeps round and selection.
    reaches(page, number=0, chosen=fewer)
    page.get_by_role("button", name="Select three").click()
    assert heard(page, 7)["selected"] == [10, 11, 12]
    reaches(page, chosen=[10, 11, 12])
    page.get_by_role("button", name="Clear 3 selected").click()
    assert heard(page, 8)["selected"] == []


def test_a_click_selects_pointing_does_not_and_a_double_click_on_nothing_clears(opened: Callable[..., Page]) -> None:
    page = opened("map")
    index = pointed_at(page, 1, FORGET)
    quiet(page)
    assert state(page)["chosen"] == []
    page.mouse.down()
    page.mouse.up()
    assert heard(page, 2)["selected"] == [index + 10]
    x, y = page.evaluate(MIDDLE, 1)
    page.mouse.dblclick(x, y)
    assert heard(page, 3)["selected"] == []


def test_the_card_says_who_the_sample_is_and_shows_its_image(opened: Callable[..., Page]) -> None:
    page = opened("map")
    scenes, samples = made_up_scenes(SAMPLES, ROUNDS)
    card = page.locator(".card")
    # The images come in a message of their own, and a card that is shown before them has none.
    expect(card.locator(".image")).to_have_css("background-image", re.compile(r"^url\("))
    i = pointed_at(page, 1, FORGET)
    expect(card).to_contain_text(f"Forget · train sample {samples.sample[i]}")
    expect(card).to_contain_text(f"cat/<b>{i}.png")
    expect(card).to_contain_text("class cat")
    cells = card.locator("tr").all_inner_texts()
    assert cells[0].split("\t")[1:] == ["Before (round 0)", f"Round {LAST}", "Reference (retrained)"]
    assert cells[1].split("\t") == ["Predicted", "cat", "dog", "dog"]
    assert cells[2].split("\t")[1] == "cat 90.0 %"
    boundary = [float(text) for text in cells[-1].split("\t")[1:]]
    np.testing.assert_allclose(boundary, [samples.boundary[k][i] for k in (0, LAST, ROUNDS)], rtol=0.01)
    assert card.locator(".image").get_attribute("data-row") == str(i + 10)
    shift = card.locator(".image").evaluate("(image) => image.style.backgroundPosition")
    assert shift == f"{-(i % COLUMNS) * 96}px {-(i // COLUMNS) * 96}px"
    expect(card.locator(".stray")).to_have_count(int(scenes["map"].stray[LAST][i]))
    assert told(page)["runs"] == 1


def test_the_legend_hides_and_shows_alone_and_what_is_hidden_is_not_selected(opened: Callable[..., Page]) -> None:
    page = opened("map")
    reaches(page, drawn=SAMPLES)
    retain = page.locator(".key", has_text="Retain")
    retain.click()
    reaches(page, drawn=SAMPLES - 360)
    retain.click()
    page.wait_for_timeout(600)
    retain.dblclick()
    reaches(page, drawn=360)
    page.wait_for_timeout(600)
    retain.dblclick()
    reaches(page, drawn=SAMPLES)
    page.locator(".key", has_text="Forget").click(modifiers=["Alt"])
    reaches(page, drawn=120)
    page.get_by_role("button", name="Lasso").click()
    drag(page, around(page, 1, FORGET, 60))
    assert max(heard(page, 2)["selected"]) < 130
    page.locator("select").select_option("label")
    expect(page.locator(".classes .key")).to_have_count(4)
    page.locator(".key", has_text="Unseen").click()
    page.locator(".key", has_text="ship").click()
    _, samples = made_up_scenes(SAMPLES, ROUNDS)
    reaches(page, drawn=120 + int(((samples.group == 2) & (samples.label != 2)).sum()))


def test_dragging_turns_all_cubes_together_in_one_context(opened: Callable[..., Page]) -> None:
    page = opened("space")
    before = state(page)["matrices"]
    x, y = page.evaluate(MIDDLE, 2)
    drag(page, [(x, y), (x - 70, y + 30)])

    def turned() -> None:
        after = state(page)["matrices"]
        assert len(after) == 3
        for old, new in zip(before, after, strict=True):
            assert not np.allclose(old, new, atol=0.05)
            np.testing.assert_allclose(new, after[0])

    eventually(page, turned)
    assert page.evaluate(CANVASES) == 1
    red(page)
    assert told(page)["runs"] == 1 and state(page)["chosen"] == []
    page.get_by_role("button", name="Reset view").click()
    eventually(page, lambda: np.testing.assert_allclose(state(page)["matrices"][0], before[0]))


def test_wheel_scrolls_the_page_until_a_modifier_or_a_click_says_otherwise(opened: Callable[..., Page]) -> None:
    page = opened("map")
    whole = state(page)["zoom"]
    x, y = page.evaluate(MIDDLE, 1)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    quiet(page)
    assert state(page)["zoom"] == whole
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    near = zoomed(page, 0.9)
    page.mouse.click(x, y)
    page.mouse.wheel(0, -300)
    zoomed(page, 0.9 * near)
    held = page.evaluate(SPOT, [0, still_sample()])
    drag(page, [(x, y), (x + 50, y + 20)])
    moved = page.evaluate(SPOT, [0, still_sample()])
    np.testing.assert_allclose(np.subtract(moved, held), [50, 20], atol=1.5)
    assert told(page)["runs"] == 1


def test_new_rounds_leave_zoom_and_round_and_who_stands_at_the_newest_follows(opened: Callable[..., Page]) -> None:
    page = opened("map")
    more = page.get_by_role("button", name="One more round")
    more.click()
    heard(page, 2)
    # It stood at the newest round.
    reaches(page, number=LAST + 1)
    page.locator(".play").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    hears_of(page, LAST - 1)
    x, y = page.evaluate(MIDDLE, 0)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    zoomed(page, 0.9)
    zoom = state(page)["zoom"]
    more.click()
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.scene.rounds.length === {ROUNDS + 2} }}")
    reaches(page, number=LAST - 1, position=LAST - 1)
    np.testing.assert_allclose(state(page)["zoom"], zoom, atol=0.01)


def test_a_second_run_shows_the_round_of_the_same_number_or_its_last_before(opened: Callable[..., Page]) -> None:
    page = opened("map", "&beside=4")
    own = ["Before (round 0)", f"Round {LAST}", "Reference (retrained)"]
    reaches(page, titles=[*own, "Other, round 3"])
    page.locator(".play").focus()
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    found = reaches(page, number=2)
    assert found["titles"][3] == "Other, round 2"
    # The other run goes half as far, and by its round 2 of 3 two thirds of that.
    start, other = (np.array(page.evaluate(PLACES, [k])).reshape(-1, 3)[FORGET] for k in (0, ROUNDS + 1 + 2))
    whole = np.array(page.evaluate(PLACES, [LAST])).reshape(-1, 3)[FORGET] - start
    np.testing.assert_allclose(other - start, whole / 3, atol=1e-4)


def test_overlay_and_ruler(opened: Callable[..., Page]) -> None:
    page = opened("map")
    page.get_by_role("button", name="Ruler").click()
    still = still_sample()
    page.mouse.click(*page.evaluate(SPOT, [0, still]))
    page.mouse.click(*page.evaluate(SPOT, [1, FORGET]))
    found = heard(page, 2)
    assert found["ruler"][0] == still + 10 and found["moments"] == [0, LAST]
    assert found["selected"] == []
    page.keyboard.press("Escape")
    assert heard(page, 3)["ruler"] is None
    page.get_by_role("button", name="Overlay").click()
    reaches(page, titles=[f"Round {LAST}"])
    red(page, 0)
    at_last = page.evaluate(SPOT, [0, FORGET])
    page.locator(".play").focus()
    page.keyboard.press("Home")
    reaches(page, number=0)
    halfway = np.add(page.evaluate(SPOT, [0, FORGET]), at_last) / 2

    def way() -> np.ndarray:
        return screen(page, halfway, 8)

    def drawn_way(arrows: bool) -> None:
        assert (way()[..., 2] < 200).sum() > 20 if arrows else way().min() > 200, f"arrows from round 0: not {arrows}"

    eventually(page, lambda: drawn_way(False))
    page.keyboard.press("End")
    reaches(page, number=LAST)
    eventually(page, lambda: drawn_way(True))
    quiet(page)
    runs = told(page)["runs"]
    plain = screen(page, page.evaluate(MIDDLE, 0), 250)
    page.get_by_role("button", name="Outlines").click()

    def outlined() -> None:
        assert (screen(page, page.evaluate(MIDDLE, 0), 250) != plain).any(-1).sum() > 2000, "no outlines"

    eventually(page, outlined)
    quiet(page)
    assert told(page)["runs"] == runs


def test_without_webgl_a_plain_chart_takes_its_place(
    address: str, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab("about:blank")
    page.add_init_script(NO_WEBGL)
    page.goto(f"{address}/?view=boundary&samples={SAMPLES}&rounds={ROUNDS}")
    expect(page.locator(".missing")).to_be_visible()
    expect(page.locator(".js-plotly-plot .scatterlayer .point").first).to_be_visible()
    expect(page.locator(".tools")).to_be_hidden()
    heard(page, 2)
    quiet(page)
    assert told(page)["runs"] == 2, "it is said once"
    shoot(page, "viewer-without-webgl")


def test_the_points_come_back_after_the_browser_took_the_graphics_card_away(opened: Callable[..., Page]) -> None:
    page = opened("map")
    red(page)
    page.evaluate(LOSE, "loseContext")
    page.wait_for_timeout(300)
    page.evaluate(LOSE, "restoreContext")
    page.wait_for_timeout(500)
    page.locator(".play").focus()
    page.keyboard.press("ArrowLeft")
    reaches(page, number=LAST - 1)
    red(page)


def test_colours_follow_the_theme_while_the_page_is_open(
    opened: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = opened("boundary")
    shoot(page, "viewer-light")
    light = pixels(page, 1, FORGET, 40).mean()
    page.emulate_media(color_scheme="dark")

    def darker() -> None:
        assert pixels(page, 1, FORGET, 40).mean() < 100 < light

    eventually(page, darker)
    assert page.evaluate(f"() => {{ {FIND} return board.inspect().state.inks.rgb[0] }}") > 128
    shoot(page, "viewer-dark")
