"""Charts as a browser draws them: sizes of text, its contrast with what lies behind it, and the gaps between letters.

*Size* is what the browser computes, in px of the page. *Contrast* is that of the text's colour with the commonest
colour of the screenshot within the text's box: letters are thin, so that is the ground, be it the page, a cell of a
table of colours, or a band. *Even kerning* is a matter of each letter: its width on a screen of one pixel per px,
where browsers like to round widths to whole pixels, against a sixteenth of its width in the same text of sixteen times
the size, where rounding is too little to matter. Rounded to whole pixels, letters of 12 px become half a pixel and more
too wide or too narrow, and a space 2 px in place of 2.4, so that the words of a line run into each other. Not rounded,
the two widths differ by what fonts and pictures round themselves, which count in 1/64 px: a few hundredths. A tenth of
a pixel parts the two.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from cu_core.catalogue.spec import MethodSpec
from cu_core.figures.theme import INKS, TEXT_SIZE
from tests.browser.waiting import at_rest, eventually, picture
from tests.figures.test_theme import contrast
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.served import Server, serve

pytestmark = pytest.mark.browser
LEAST_CONTRAST = 4.5
LARGE = 16
PHONE = 390
EVEN_PX = 0.1

# Of every text that is seen: what it says, its size, colour and opacity, its box within the chart, and by how much the
# width of the worst of its letters is off.
TEXTS = """(chart, large) => {
  const edge = chart.getBoundingClientRect()
  const widths = (text) => Array.from({ length: text.getNumberOfChars() }, (_, k) =>
    Math.hypot(text.getEndPositionOfChar(k).x - text.getStartPositionOfChar(k).x,
               text.getEndPositionOfChar(k).y - text.getStartPositionOfChar(k).y))
  const enlarged = (text) => {
    const copy = text.cloneNode(true)
    for (const part of [copy, ...copy.querySelectorAll("*")])
      if (part.style.fontSize.endsWith("px")) part.style.fontSize = `${large * parseFloat(part.style.fontSize)}px`
    copy.style.visibility = "hidden"
    text.parentNode.append(copy)
    const found = widths(copy).map((width) => width / large)
    copy.remove()
    return found
  }
  return [...chart.querySelectorAll("svg text")].flatMap((text) => {
    const box = text.getBoundingClientRect(), style = getComputedStyle(text)
    const inside = box.left >= edge.left - 1 && box.right <= edge.right + 1 && box.top >= edge.top - 1 &&
      box.bottom <= edge.bottom + 1
    let opacity = Number(style.fillOpacity)
    for (let up = text; up !== chart; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity)
    if (!text.textContent.trim() || !box.width || !inside || opacity === 0 || style.visibility === "hidden") return []
    const large_ones = enlarged(text)
    const off = widths(text).map((width, k) => Math.abs(width - large_ones[k]))
    return [{ text: text.textContent, size: parseFloat(style.fontSize), fill: style.fill, opacity,
      box: [box.left - edge.left, box.top - edge.top, box.right - edge.left, box.bottom - edge.top],
      off: Math.max(...off) }]
  })
}"""

# Boxes of the counts that are seen.
COUNTS = """(chart) => [...chart.querySelectorAll("text.bartext")].map((text) => text.getBoundingClientRect())
  .filter((box) => box.width).map((box) => [box.left, box.top, box.right, box.bottom])"""
# Whether the ticks of the page's first chart have a colour.
INKED = """(colour) => { const tick = document.querySelector(".js-plotly-plot .xtick text")
  return tick && getComputedStyle(tick).fill === `rgb(${colour.join(", ")})` }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("type")) as running:
        eight, verdict = tuple(range(8)), {"verdict": madeup_verdict("differs")}
        one = MadeUp("random:60", counts=(60, 90, 70), audited=60, references=eight, result=verdict)
        write_run(running.home, "shown", one)
        for seed in (0, 1):
            write_run(running.home, f"a-{seed}", MadeUp(references=(0, 1, 2), seed=seed, spec={"group": "g"}))
        other = MadeUp(references=(0, 1, 2), spec={"group": "g", "method": MethodSpec("finetune")})
        write_run(running.home, "b-0", other)
        yield running


def colour_of(fill: str, opacity: float, ground: np.ndarray) -> str:
    """Hex colour of a text of some opacity on a ground; `fill` as the browser computes it."""
    parts = [float(part) for part in fill[fill.index("(") + 1 : -1].split(",")]
    opacity *= parts[3] if len(parts) > 3 else 1
    return hexed(opacity * np.array(parts[:3]) + (1 - opacity) * ground)


def hexed(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)


def ground_of(pixels: np.ndarray, box: list[float]) -> np.ndarray:
    """(3,) the commonest colour within a box."""
    left, top, right, bottom = (int(edge) for edge in np.round(box))
    inside = pixels[max(top, 0) : bottom, max(left, 0) : right].reshape(-1, 3)
    colours, counts = np.unique(inside, axis=0, return_counts=True)
    found: np.ndarray = colours[counts.argmax()].astype(float)
    return found


def faults(chart: Locator) -> list[str]:
    """What is wrong with the texts of a chart, a line each."""
    texts: list[dict[str, Any]] = chart.evaluate(TEXTS, LARGE)
    assert texts, "a chart without a word"
    pixels = np.asarray(Image.open(io.BytesIO(picture(chart))).convert("RGB"))
    found = []
    for text in texts:
        said = text["text"]
        if text["size"] < TEXT_SIZE:
            found.append(f"{said!r} is {text['size']} px")
        if text["off"] > EVEN_PX:
            found.append(f"a letter of {said!r} is {text['off']:.2f} px too wide or too narrow")
        ground = ground_of(pixels, text["box"])
        ink = colour_of(text["fill"], text["opacity"], ground)
        if contrast(ink, hexed(ground)) < LEAST_CONTRAST:
            found.append(f"{said!r} is {ink} on {hexed(ground)}: {contrast(ink, hexed(ground)):.2f}")
    return found


def readable(page: Page, charts: int) -> None:
    """Checks every chart that is seen, of which there are at least so many."""
    seen = page.locator(".js-plotly-plot:visible")

    def look() -> None:
        assert seen.count() >= charts

    eventually(page, look)
    at_rest(page)
    # The bars of buttons of some charts show where a pointer rests.
    page.mouse.move(0, 0)
    found = [fault for chart in seen.all() for fault in faults(chart)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_charts_is_large_stands_out_and_is_evenly_set(
    server: Server, open_tab: Callable[..., Page], scheme: str
) -> None:
    page = open_tab(f"{server.url}/attack?run=shown", scheme)
    readable(page, 1)
    page.get_by_role("tab", name="One attack").click()
    page.get_by_text("ROC curves", exact=True).click()
    readable(page, 2)
    for address, charts in (
        ("confidence?run=shown", 2),
        ("confidence?run=a-0", 2),
        ("similarity?run=shown", 2),
        ("verdict?run=shown", 2),
        ("terms?term=band", 1),
    ):
        page.goto(f"{server.url}/{address}")
        readable(page, charts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_comparisons_is_large_stands_out_and_is_evenly_set(
    server: Server, open_tab: Callable[..., Page], scheme: str
) -> None:
    page = open_tab(f"{server.url}/compare?group=g", scheme)
    chart = page.locator(".js-plotly-plot")
    for name, said in {"Trade-off": "Utility gap", "Per class": "five (forgotten)", "Layers": "Linear CKA"}.items():
        page.get_by_role("radio", name=name, exact=True).click()
        expect(chart.last).to_contain_text(said)
        expect(chart).to_have_count(1)
        readable(page, 1)


@pytest.mark.parametrize(("run", "counted"), [("a-0", True), ("shown", False)])
def test_counts_in_cells_have_room_on_a_phone_or_are_left_out(
    server: Server, open_tab: Callable[..., Page], run: str, counted: bool
) -> None:
    page = open_tab(f"{server.url}/confidence?run={run}")
    page.set_viewport_size({"width": PHONE, "height": 900})
    chart = page.locator(".st-key-predictions .js-plotly-plot")
    expect(chart).to_contain_text("Predicted class")
    at_rest(page)
    boxes = chart.evaluate(COUNTS)
    # One class's counts are told one below the other; of ten classes the cells are narrower than any count.
    assert bool(boxes) is counted
    for k, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:k]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    assert not faults(chart)


def test_text_of_charts_follows_the_theme_of_an_open_page(server: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{server.url}/terms?term=band")
    readable(page, 1)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(INKED, arg=[int(INKS[scheme][k : k + 2], 16) for k in (1, 3, 5)])
        readable(page, 1)
