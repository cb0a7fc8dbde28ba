"""The scatter of signals in a real browser: one camera for all panes, one selection for all spaces, right samples."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cu_core.base.installation import dashboard_folder
from cu_core.runstore.reader import open_run
from tests.browser.conftest import FLAGS
from tests.browser.viewer_driver import FIND, growing_run, turns_red
from tests.browser.waiting import (
    PATIENCE_MS,
    drawn,
    eventually,
    listen,
    nothing_spills,
    picture,
    quiet,
    settled,
    still_box,
    until,
)
from tests.madeup import MadeUp, image_of, write_round, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser

SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
SUPERSCRIPTS = str.maketrans(SUPER, "0123456789-")

MATRICES = f"() => {{ {FIND} return board.inspect().charts.map((c) => c.panes.map((p) => [...p.matrix])) }}"
SELECTED = f"""() => {{ {FIND} const {{ selected }} = board.inspect().share
  return [...selected.keys()].filter((i) => selected[i]) }}"""
STATE = f"""() => {{ {FIND} const {{ share, charts, shown }} = board.inspect()
  return {{ shown, flat: share.flat, painter: charts[0].painter, panes: charts.map((c) => c.panes.map((p) => p.title)),
    camera: {{ ...share.camera }} }} }}"""
FIRST_PANE = f"() => {{ {FIND} return {{ ...board.inspect().charts[0].panes[0].box }} }}"
RESET = f"""() => {{ {FIND} const {{ share }} = board.inspect()
  const slider = board.querySelector("input")
  slider.value = slider.max
  slider.oninput()
  board.querySelector(".clear").click()
  for (const key of board.querySelectorAll(".key")) {{
    if ((key.getAttribute("aria-pressed") === "true") === key.textContent.includes("Retain")) key.click()
  }}
  share.home() }}"""
# Notes every round that is shown for a frame.
RECORD = f"""() => {{ {FIND} window.recorded = []
  const note = () => {{ const {{ shown }} = board.inspect()
    if (window.recorded.at(-1) !== shown) window.recorded.push(shown)
    requestAnimationFrame(note) }}
  note() }}"""
# Where a sample is drawn, in px of its chart.
SPOT = f"([chart, pane, i]) => {{ {FIND} const c = board.inspect().charts[chart]; return c.spot(c.panes[pane], i) }}"
SPOTS = f"""([chart, pane, n]) => {{ {FIND} const c = board.inspect().charts[chart]
  return Array.from({{ length: n }}, (_, i) => c.spot(c.panes[pane], i)) }}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("signals")) as running:
        write_run(running.home, "encoder", MadeUp(objective="moco", select="random:40", channels=3))
        yield running


@pytest.fixture(scope="module")
def tab(server: Server, browser: Browser) -> Iterator[Page]:
    page = listen(browser.new_page(viewport={"width": 1280, "height": 1000}))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{server.url}/signals?run=encoder&deep=true")
    yield opened(page)
    page.close()


@pytest.fixture
def page(tab: Page) -> Page:
    """The same tab for all tests, put back to how it was opened."""
    tab.evaluate(RESET)
    tab.mouse.move(5, 5)
    quiet(tab)
    return tab


def opened(page: Page) -> Page:
    page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().charts[0]?.panes.length }}")
    settled(page)
    quiet(page)
    return page


def cover(page: Page, chart: int = 0) -> dict[str, float]:
    box = page.locator(".cover").nth(chart).bounding_box()
    assert box
    return dict(box)


def drag(page: Page, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    drawn(page)


def pixels(page: Page, box: dict[str, float]) -> np.ndarray:
    drawn(page)
    clip = {name: box[name] for name in ("x", "y", "width", "height")}
    return np.asarray(Image.open(io.BytesIO(picture(page, clip=clip))).convert("RGB")).astype(int)  # type: ignore[arg-type]


def around(page: Page, spot: list[float], chart: int = 0) -> np.ndarray:
    box = cover(page, chart)
    return pixels(page, {"x": box["x"] + spot[0] - 5, "y": box["y"] + spot[1] - 5, "width": 11, "height": 11})


def shows(page: Page, round_name: str) -> None:
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().shown === '{round_name}' }}")


def test_turning_one_pane_turns_all_panes_of_both_spaces(page: Page) -> None:
    before = page.evaluate(MATRICES)
    assert [len(chart) for chart in before] == [3, 3]
    box = cover(page)
    # In the last pane, the reference's.
    x, y = box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 2
    drag(page, [(x, y), (x - 60, y + 30)])
    quiet(page)
    after = page.evaluate(MATRICES)
    for chart, (old, new) in enumerate(zip(before, after, strict=True)):
        for pane in range(3):
            assert not np.allclose(old[pane], new[pane]), f"pane {pane} of space {chart} has not turned"
            np.testing.assert_allclose(new[pane], after[0][0])
    assert page.evaluate(SELECTED) == [], "turning selects nothing"


def test_webgl_draws_the_samples_where_the_numbers_say_and_follows_camera_and_round(page: Page) -> None:
    assert page.evaluate(STATE)["painter"] == "webgl"
    page.mouse.move(5, 5)
    start = page.evaluate(SPOT, [0, 0, 4])
    turns_red(page, lambda: around(page, start))
    box = cover(page)
    x, y = box["x"] + 140, box["y"] + 60
    drag(page, [(x, y), (x + 120, y)])
    page.mouse.move(5, 5)
    quiet(page)
    moved = page.evaluate(SPOT, [0, 0, 4])
    assert np.hypot(*np.subtract(moved, start)) > 10
    turns_red(page, lambda: around(page, moved))
    last = page.evaluate(SPOT, [0, 1, 4])
    page.locator(".scrubber input").fill("0")
    shows(page, "Before (round 0)")
    quiet(page)
    first = page.evaluate(SPOT, [0, 1, 4])
    assert np.hypot(*np.subtract(first, last)) > 10
    turns_red(page, lambda: around(page, first))
    # The last round is not drawn any more.
    turns_red(page, lambda: around(page, last), False)


def test_playing_ends_at_the_last_round(page: Page) -> None:
    page.evaluate(RECORD)
    page.get_by_role("button", name="Play").click()
    # Before it was played, the last round was shown; then all from the first one on.
    page.wait_for_function("() => window.recorded.includes('Before (round 0)')")
    shows(page, "After (round 5)")
    seen = page.evaluate("() => window.recorded")
    assert seen[:2] == ["After (round 5)", "Before (round 0)"] and seen[-1] == "After (round 5)" and len(seen) > 3
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_pointing_at_a_sample_shows_its_image_signals_and_predictions(page: Page, server: Server) -> None:
    view = open_run(server.home, "encoder")
    probe = view.probe()
    spots = np.array(page.evaluate(SPOTS, [0, 1, 40]))
    drawn = np.array([s for s in page.evaluate(SPOTS, [0, 1, 200])])
    unseen_and_forget = np.concatenate([drawn[:40], drawn[130:]])
    alone = [np.sort(np.hypot(*(unseen_and_forget - spot).T))[1] for spot in spots]
    row = int(np.argmax(alone))
    box = cover(page)
    page.mouse.move(box["x"] + spots[row][0] - 40, box["y"] + spots[row][1])
    page.mouse.move(box["x"] + spots[row][0], box["y"] + spots[row][1], steps=3)
    card = page.locator(".card")
    expect(card).to_be_visible()
    sample = int(probe["sample"][row])
    for words in (
        f"Forget · train sample {sample}",
        f"Cosine of two views: {float(view.array(5, 'two_view_cosine')[row]):.3g}",
        "After (round 5): predicted",
        "Reference (retrained): predicted",
    ):
        expect(card).to_contain_text(words)
    wanted = image_of(sample, test=False, channels=3).astype(int)

    def right_image() -> None:
        shown = Image.open(io.BytesIO(picture(page.locator(".card .image")))).convert("RGB")
        fields = np.asarray(shown.resize((96, 96), Image.Resampling.NEAREST))[6::12, 6::12].transpose(2, 0, 1)
        np.testing.assert_allclose(fields.astype(int), wanted, atol=3)

    eventually(page, right_image)
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()


def test_a_lasso_in_one_projection_selects_the_same_samples_everywhere(page: Page) -> None:
    page.get_by_text("3-D", exact=True).click()
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().charts[0].panes.length === 9 }}")
    quiet(page)
    # Before, top-1 probability by cosine: forget samples lie to the right of the unseen ones.
    spots = np.array(page.evaluate(SPOTS, [0, 0, 200]))
    inside = [i for i in [*range(40), *range(130, 200)] if spots[i][0] > spots[:40, 0].min() - 3]
    assert len(inside) >= 40
    box, pane = cover(page), page.evaluate(FIRST_PANE)
    left, right = box["x"] + spots[:40, 0].min() - 3, box["x"] + pane["x"] + pane["width"] - 2
    top, bottom = box["y"] + pane["y"] + 1, box["y"] + pane["y"] + pane["height"] - 2
    drag(page, [(left, top), (right, top), (right, bottom), (left, bottom)])
    expect(page.get_by_text(f"{len(inside)} selected samples")).to_be_visible()
    assert page.evaluate(SELECTED) == inside
    # In the other space an unselected sample is dimmed.
    page.mouse.move(5, 5)
    still_box(page, page.locator(".cover").nth(1))
    spot = page.evaluate(SPOT, [1, 0, inside[0]])
    turns_red(page, lambda: around(page, spot, 1))
    # It outlives the switch back to three dimensions. A line about it has moved the switch down.
    quiet(page)
    page.get_by_text("3-D", exact=True).click()
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().charts[0].panes.length === 3 }}")
    quiet(page)
    assert page.evaluate(SELECTED) == inside
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("selected samples")).to_have_count(0)
    until(page, lambda: page.evaluate(SELECTED) == [], "nothing is selected")


def test_the_legend_hides_and_shows_a_group(page: Page) -> None:
    retain = page.get_by_role("button", name="Retain (n = 90)")
    expect(retain).to_have_attribute("aria-pressed", "false")
    forget = page.get_by_role("button", name="Forget (n = 40)")
    page.mouse.move(5, 5)
    spot = page.evaluate(SPOT, [0, 0, 4])
    turns_red(page, lambda: around(page, spot))
    forget.click()
    expect(forget).to_have_attribute("aria-pressed", "false")
    page.mouse.move(5, 5)
    turns_red(page, lambda: around(page, spot), False)


def test_a_key_of_the_legend_keeps_the_keyboard(page: Page) -> None:
    forget = page.get_by_role("button", name="Forget (n = 40)")
    forget.focus()
    page.keyboard.press("Enter")
    expect(forget).to_have_attribute("aria-pressed", "false")
    expect(forget).to_be_focused()


def test_a_new_round_moves_nobody_who_looks_at_an_earlier_one(
    server: Server, open_tab: Callable[..., Page], tmp_path: Path
) -> None:
    home, made = server.home, MadeUp(state="running", rounds=3)
    run_dir = growing_run(home, made, tmp_path)
    page = open_tab(f"{server.url}/signals?run=growing&deep=true")
    page.wait_for_function(f"() => {{ {FIND} return board && board.inspect().charts.length }}")
    place = f"""() => {{ {FIND} const slider = board.querySelector(".scrubber input")
      return [Number(slider.value), Number(slider.max)] }}"""
    assert page.evaluate(place) == [3, 3]
    write_round(run_dir, made, open_run(home, "growing").probe(), 4)
    until(page, lambda: page.evaluate(place) == [4, 4], "who looks at the newest follows")
    slider = page.locator(".scrubber input")
    slider.evaluate("(part) => { part.value = 1; part.oninput() }")
    write_round(run_dir, made, open_run(home, "growing").probe(), 5)
    until(page, lambda: page.evaluate(place) == [1, 5], "who looks at an earlier one stays")


def test_arrow_keys_turn_and_a_double_click_resets(page: Page) -> None:
    start = page.evaluate(STATE)["camera"]
    page.locator(".cover").first.focus()
    page.keyboard.press("ArrowLeft")
    turned = pytest.approx(start["azimuth"] + 0.1)
    until(page, lambda: page.evaluate(STATE)["camera"]["azimuth"] == turned, "the key has turned it")
    box = cover(page)
    page.mouse.dblclick(box["x"] + 30, box["y"] + 30)
    until(page, lambda: page.evaluate(STATE)["camera"] == start, "the camera is back")


def test_without_webgl_the_projections_are_drawn(server: Server, chromium: str, browser: Browser) -> None:
    # `browser` keeps the driver of this session, which a second one would not start beside.
    plain = browser.browser_type.launch(executable_path=chromium, args=[FLAGS[0], "--disable-gpu", "--disable-3d-apis"])
    try:
        page = listen(plain.new_page(viewport={"width": 1280, "height": 1000}))
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{server.url}/signals?run=encoder&deep=true")
        opened(page)
        state = page.evaluate(STATE)
        assert (state["painter"], state["flat"], len(state["panes"][0])) == ("canvas", True, 9)
        expect(page.get_by_text("This browser offers no WebGL")).to_be_visible()
        page.mouse.move(5, 5)
        turns_red(page, lambda: around(page, page.evaluate(SPOT, [0, 0, 4])))
    finally:
        plain.close()


@pytest.mark.parametrize(("scheme", "deep"), [("light", "&deep=true"), ("dark", "")])
def test_it_looks_right_in_both_themes(
    server: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None], scheme: str, deep: str
) -> None:
    page = opened(open_tab(f"{server.url}/signals?run=encoder{deep}", scheme))
    ink = page.evaluate(f"() => {{ {FIND} return board.inspect().share.inks.ink }}")
    shade = sum(int(part) for part in ink[4:-1].split(",")[:3])
    assert shade < 300 if scheme == "light" else shade > 500
    nothing_spills(page)
    shoot(page, f"signals-{scheme}")


@pytest.mark.parametrize("low", [-6.0, -2.0, -0.3, 0.9])
@pytest.mark.parametrize("width", [0.005, 0.02, 0.1, 0.4, 1.0, 3.0, 7.0])
def test_a_logarithmic_axis_has_ticks_however_narrow_it_is(browser: Browser, low: float, width: float) -> None:
    script = "".join(
        (dashboard_folder() / "assets" / "webgl" / name).read_text() for name in ("geometry.js", "axes.js")
    )
    page = browser.new_page()
    ticks = page.evaluate(f"([low, high]) => {{ {script}; return logTicks(low, high, 4) }}", [low, low + width])
    page.close()
    places, labels = [place for place, _ in ticks], [label for _, label in ticks]
    assert 2 <= len(ticks) <= 12 and places == sorted(places) and len(set(labels)) == len(labels)
    assert low - 1e-6 <= places[0] < places[-1] <= low + width + 1e-6
    for place, label in ticks:
        told = 10.0 ** int(label[2:].translate(SUPERSCRIPTS)) if label[2:] and label[2:][0] in SUPER else float(label)
        assert told == pytest.approx(10**place, rel=1e-5)
