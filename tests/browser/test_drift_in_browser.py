"""The map in a real browser: WebGL shows the round that the slider names, and the card the right image."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.madeup import MadeUp, image_of, write_run
from tests.served import serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHART = ".st-key-drift_map .js-plotly-plot"
ORANGE = np.array([213, 94, 0])
# The sample of a group in a pane that lies farthest from all others, and where it is drawn in px of the window.
LONELIEST = """
([pane, group]) => {
  const chart = document.querySelector(".st-key-drift_map .js-plotly-plot")
  const own = chart._fullData.filter((t) => t.meta.group === group)[pane]
  const others = chart._fullData.filter((t) => t.xaxis === own.xaxis && t.visible === true)
  const alone = Array.from(own.x, (x, i) => Math.min(...others.flatMap((t) => Array.from(t.x, (u, k) =>
    t === own && k === i ? Infinity : Math.hypot(u - x, t.y[k] - own.y[i])))))
  const best = alone.indexOf(Math.max(...alone))
  const x = chart._fullLayout[own.xaxis.replace("x", "xaxis")]
  const y = chart._fullLayout[own.yaxis.replace("y", "yaxis")]
  const box = chart.getBoundingClientRect()
  return {
    x: box.x + x._offset + x.d2p(own.x[best]), y: box.y + y._offset + y.d2p(own.y[best]),
    sample: own.customdata[best][1], round: own.meta.round,
  }
}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    with serve(tmp_path_factory.mktemp("drift")) as server:
        write_run(server.home, made=MadeUp(references=(0, 1), channels=3))
        opened = browser.new_page(viewport={"width": 1280, "height": 1000})
        opened.goto(f"{server.url}/drift?run=madeup-1")
        yield opened
        opened.close()


def ready(page: Page) -> None:
    page.wait_for_function(
        "() => { const c = document.querySelector('.st-key-drift_map .js-plotly-plot');"
        " return c && c._fullData && c._fullLayout.sliders.length && c.querySelector('canvas') }",
        timeout=60_000,
    )
    page.wait_for_timeout(1500)


def point_at(page: Page, pane: int, group: str = "forget") -> dict[str, Any]:
    place = page.evaluate(LONELIEST, [pane, group])
    page.mouse.move(place["x"] - 40, place["y"] - 60)
    page.mouse.move(place["x"], place["y"], steps=4)
    expect(page.locator(".card")).to_be_visible()
    page.wait_for_timeout(300)
    return place


def shown_image(page: Page) -> np.ndarray:
    """(3, 8, 8) colours in the middle of the 8 × 8 fields of the card's image."""
    picture = Image.open(io.BytesIO(page.locator(".card .image").screenshot())).convert("RGB")
    fields = np.asarray(picture.resize((96, 96), Image.Resampling.NEAREST))[6::12, 6::12]
    return fields.transpose(2, 0, 1)


def go_to_round(page: Page, number: int) -> None:
    rail = page.locator(f"{CHART} .slider-rail-touch-rect").bounding_box()
    # The first label of a slider is its caption.
    ends = [page.locator(f"{CHART} .slider-label").nth(k).bounding_box() for k in (1, -1)]
    assert rail and all(ends)
    left, right = (end["x"] + end["width"] / 2 for end in ends if end)
    page.mouse.click(left + (right - left) * number / 5, rail["y"] + rail["height"] / 2)
    page.wait_for_timeout(1500)


def orange_near(page: Page, place: dict[str, Any]) -> bool:
    """Whether the forget colour is drawn at a place."""
    clip = {"x": place["x"] - 4, "y": place["y"] - 4, "width": 9, "height": 9}
    pixels = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")).astype(int)
    return bool((np.abs(pixels - ORANGE).sum(-1) < 110).any())


def test_card_shows_the_image_and_predictions_of_the_sample_under_the_pointer(page: Page) -> None:
    ready(page)
    for pane in (0, 1, 2):
        place = point_at(page, pane)
        words = page.locator(".card .text").inner_text()
        assert f"Forget · train sample {int(place['sample'])}" in words
        assert "class five" in words and "Before: predicted five" in words
        assert "Round 5: predicted eight" in words and "Reference: predicted eight" in words
        expected = image_of(int(place["sample"]), test=False, channels=3)
        np.testing.assert_allclose(shown_image(page).astype(int), expected.astype(int), atol=3)
    page.mouse.move(5, 5)
    expect(page.locator(".card")).to_be_hidden()


@pytest.mark.parametrize(("group", "split"), [("retain", "train"), ("unseen", "test")])
def test_images_of_later_rows_of_the_sprite_are_the_right_ones_too(page: Page, group: str, split: str) -> None:
    ready(page)
    place = point_at(page, 1, group)
    assert int(page.locator(".card .image").get_attribute("data-row") or 0) >= 50, "not in the first row of the sprite"
    assert f"{group.capitalize()} · {split} sample {int(place['sample'])}" in page.locator(".card .text").inner_text()
    expected = image_of(int(place["sample"]), test=split == "test", channels=3)
    np.testing.assert_allclose(shown_image(page).astype(int), expected.astype(int), atol=3)
    page.mouse.move(5, 5)


def test_the_slider_moves_what_is_drawn_and_the_card_follows(page: Page) -> None:
    ready(page)
    end = page.evaluate(LONELIEST, [1, "forget"])
    page.mouse.move(5, 5)
    assert end["round"] == 5 and orange_near(page, end)
    go_to_round(page, 0)
    page.mouse.move(5, 5)
    start = page.evaluate(LONELIEST, [1, "forget"])
    assert start["round"] == 0 and orange_near(page, start)
    assert not orange_near(page, end), "the canvas still shows the last round"
    point_at(page, 1)
    words = page.locator(".card .text").inner_text()
    assert "Before: predicted five" in words and "Round 5" not in words


def test_playing_ends_at_the_last_round(page: Page) -> None:
    ready(page)
    page.mouse.move(5, 5)
    page.locator(f"{CHART} .updatemenu-button").first.click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-drift_map .js-plotly-plot').data.some("
        "(t) => t.meta.group === 'forget' && t.meta.round === 5)",
        timeout=20_000,
    )
    page.wait_for_timeout(1000)
    title = page.locator(f"{CHART} .annotation-text").nth(1).text_content() or ""
    assert "Round 5" in title


def test_the_card_survives_another_figure(page: Page) -> None:
    ready(page)
    page.get_by_role("combobox", name="Reference retrained with").click()
    page.get_by_role("option", name="seed 1").click()
    page.wait_for_timeout(2500)
    ready(page)
    place = point_at(page, 1)
    expected = image_of(int(place["sample"]), test=False, channels=3)
    np.testing.assert_allclose(shown_image(page).astype(int), expected.astype(int), atol=3)


@pytest.mark.parametrize("width", [1280, 1600])
def test_nothing_is_cut_off(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    ready(page)
    spilled = page.evaluate(
        "() => [...document.querySelectorAll('.js-plotly-plot')].flatMap((c) => { const b = c.getBoundingClientRect();"
        " return [...c.querySelectorAll('text')].filter((t) => { const r = t.getBoundingClientRect(); return r.width &&"
        " (r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1) })"
        ".map((t) => t.textContent) })"
    )
    assert spilled == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
