"""Attack page, t-SNE and paper tables in a real browser: what is clicked shows, and nothing is cut off."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cu_core.analysis.papers.paper_runs import specs_of
from cu_core.analysis.papers.scales import DIGITS
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.catalogue.projection_record import PROJECTIONS
from tests.browser.waiting import PATIENCE_MS, at_rest, eventually, listen, nothing_spills, picture, still_box
from tests.madeup import MadeUp, image_of, write_run
from tests.madeup_tsne import write_tsne
from tests.served import Server, serve

pytestmark = pytest.mark.browser

DATA = "(key) => document.querySelector(`.st-key-${key} .js-plotly-plot`)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("attack")) as running:
        made = MadeUp("random:60", counts=(60, 90, 70), audited=120, channels=3)
        write_tsne(write_run(running.home, made=made), rows=np.arange(0, 220, 4), rounds=[0, 2, 5], reference=0)
        spec = specs_of(TABLES["V"], DIGITS)[0]
        parts = {part: getattr(spec, part) for part in ("data", "model", "train", "method", "stop")}
        write_run(running.home, "madeup-2", MadeUp(spec.forget.select, references=(), objective="moco", spec=parts))
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(PATIENCE_MS)
    yield listen(opened)
    opened.close()


def chart(page: Page, key: str, wanted: str) -> Any:
    """What a chart says, once `wanted` holds of it."""
    # In one step, since a chart may be drawn anew at any moment.
    found = page.wait_for_function(
        f"() => {{ const c = ({DATA})('{key}'); return c && c._fullLayout && ({wanted})(c) && "
        "{ x: c.layout.xaxis.type, lines: (c.layout.shapes ?? []).map((s) => s.x0), traces: c.data.length } }"
    )
    return found.json_value()


def test_the_attack_page_answers_to_slider_way_and_axis(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/attack?run=madeup-1")
    page.get_by_role("tab", name="One attack").click()
    before = chart(page, "scores", "(c) => c.data.length === 6")
    at_rest(page)
    slider = page.get_by_role("slider")
    start = float(slider.input_value())
    slider.focus()
    for _ in range(25):
        page.keyboard.press("ArrowRight")
    # The line ends up where the slider stands; until then the chart is drawn anew for places in between.
    page.wait_for_function(
        f"(old) => {{ const c = ({DATA})('scores'), s = document.querySelector('input[type=range]');"
        " const at = c && c.layout?.shapes?.[0]?.x0;"
        " return at > old + 1e-6 && Math.abs(at - Number(s.value)) < 1e-3 * Math.abs(at) }",
        arg=before["lines"][0],
    )
    assert float(slider.input_value()) > start
    page.get_by_text("ROC curves", exact=True).click()
    assert chart(page, "roc", "(c) => c.data.length > 3")["x"] == "log"
    page.get_by_text("Linear", exact=True).click()
    assert chart(page, "roc", "(c) => c.layout.xaxis.type === 'linear'")["x"] == "linear"
    page.get_by_role("radio", name="Shadow model").click()
    chart(page, "scores", "(c) => c.data.length === 4")
    page.get_by_text("Which images the attack gets right and wrong", exact=True).click()
    pictures = page.locator("img[alt*='sample']")
    expect(pictures.first).to_be_visible()
    page.wait_for_function("() => [...document.querySelectorAll('img[alt*=sample]')].every((i) => i.naturalWidth > 0)")
    expect(pictures.first).to_have_attribute("title", re.compile("class"))
    nothing_spills(page)


def test_tsne_is_drawn_on_request_and_its_card_shows_the_right_image(server: Server, page: Page) -> None:
    # The quickest of the pictures above it, which the chart waits for: it compiles nothing.
    method = quote_plus(PROJECTIONS["tsne-per-round"].title)
    page.goto(f"{server.url}/drift?run=madeup-1&view=Other+methods&other_method={method}")
    page.get_by_role("tab", name="t-SNE of the outputs").click()
    chart(page, "tsne", "(c) => c.layout.xaxis.title.text.startsWith('t-SNE') && c.querySelector('canvas')")
    # Until nothing above it comes or goes any more.
    expect(page.get_by_text("Plotted movement", exact=False).first).to_be_visible()
    still_box(page, page.locator(".st-key-tsne"))
    place = page.evaluate(
        f"""() => {{
          const c = ({DATA})("tsne")
          const t = c._fullData.filter((d) => d.meta.group === "forget")[1]
          const others = c._fullData.filter((d) => d.xaxis === t.xaxis && d.visible === true)
          const alone = Array.from(t.x, (x, i) => Math.min(...others.flatMap((d) => Array.from(d.x, (u, k) =>
            d === t && k === i ? Infinity : Math.hypot(u - x, d.y[k] - t.y[i])))))
          const best = alone.indexOf(Math.max(...alone))
          const ax = c._fullLayout[t.xaxis.replace("x", "xaxis")], ay = c._fullLayout[t.yaxis.replace("y", "yaxis")]
          const box = c.getBoundingClientRect()
          return {{ x: box.x + ax._offset + ax.d2p(t.x[best]), y: box.y + ay._offset + ay.d2p(t.y[best]),
                    sample: t.customdata[best][1] }}
        }}"""
    )
    page.mouse.move(place["x"] - 40, place["y"] - 60)
    page.mouse.move(place["x"], place["y"], steps=4)
    card = page.locator(".st-key-tsne_card .card")
    expect(card).to_be_visible()
    expected = image_of(int(place["sample"]), test=False, channels=3)

    def right_image() -> None:
        shown = Image.open(io.BytesIO(picture(card.locator(".image")))).convert("RGB")
        fields = np.asarray(shown.resize((96, 96), Image.Resampling.NEAREST))[6::12, 6::12].transpose(2, 0, 1)
        np.testing.assert_allclose(fields.astype(int), expected.astype(int), atol=3)

    eventually(page, right_image)


def test_paper_tables_change_with_a_click_and_keep_their_address(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/papers")
    page.get_by_role("radio", name="V", exact=True).click()
    expect(page.get_by_role("heading", name="Table V: Terms of Method 2")).to_be_visible()
    expect(page.get_by_text("reduced scale: 300 digits")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="yes / yes")
    expect(row.locator("strong").first).to_be_visible()
    page.get_by_text("Reduced", exact=True).click()
    expect(page.get_by_text("reduced scale: 2,000 images")).to_be_visible()
    expect(page.get_by_text("paper-v-small")).to_be_visible()
    page.wait_for_url("**table=V**")
    page.reload()
    expect(page.get_by_role("heading", name="Table V: Terms of Method 2")).to_be_visible()
    for table in ("II", "VII"):
        page.get_by_role("radio", name=table, exact=True).click()
        expect(page.get_by_role("heading", name=f"Table {table}:")).to_be_visible()
        page.wait_for_function(
            "() => [...document.querySelectorAll('table')].every("
            "(t) => t.scrollWidth <= t.parentElement.clientWidth + 1)"
        )
