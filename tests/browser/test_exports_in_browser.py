"""What leaves the pages in a real browser: pictures as PNG and SVG, tables as CSV and Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cu_core.analysis.sweeps.sweep import Sweep, expand
from cu_core.analysis.sweeps.sweep_store import remember
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.cli import main
from tests.browser.waiting import PATIENCE_MS, at_rest, eventually, heard, settled
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = pytest.mark.browser
SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Page, click: Callable[[], None]) -> tuple[str, bytes]:
    """Name and content of the file that a click hands out."""
    with page.expect_download(timeout=PATIENCE_MS) as waiting:
        click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def camera(page: Page) -> tuple[str, bytes]:
    chart = page.get_by_test_id("stPlotlyChart").first
    expect(chart.locator(".main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    chart.hover()
    return saved(page, lambda: chart.locator("[data-title^='Download plot']").first.click())


@pytest.fixture
def started(home: Home, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts a server on the home when it is called: one that is there earlier takes half-written runs for queued."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serve(tmp_path))


def test_the_camera_of_a_chart_saves_png_and_svg(
    home: Home, started: Callable[[], Server], open_tab: Callable[..., Page]
) -> None:
    write_run(home, "shown", MadeUp(audited=0))
    server = started()
    page = open_tab(f"{server.url}/confidence?run=shown")
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
    settled(page)
    at_rest(page)
    name, content = camera(page)
    shown = page.get_by_test_id("stPlotlyChart").first.bounding_box()
    assert shown is not None and name == "unlearnscope.png"
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "PNG" and picture.width == pytest.approx(2 * shown["width"], rel=0.05)
    with heard(page):
        page.get_by_role("radio", name="SVG").click()
    # The camera itself has changed.
    first = page.get_by_test_id("stPlotlyChart").first
    expect(first.locator("[data-title='Download plot']")).to_have_count(1)
    at_rest(page)
    name, content = camera(page)
    assert name == "unlearnscope.svg"
    root = ElementTree.fromstring(content)
    assert (
        root.tag == "{http://www.w3.org/2000/svg}svg" and len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 5
    )
    # The choice stays while one looks at other pages.
    page.locator(".st-key-pages_of_run").get_by_role("link", name="Drift").click()
    expect(page.locator("h1")).to_have_text("Drift")
    settled(page)
    expect(page.get_by_role("radio", name="SVG")).to_be_checked()


def test_a_report_opens_without_a_network_and_its_charts_save_themselves(
    browser: Browser, home: Home, tmp_path: Path, shoot: Callable[[Page, str], None]
) -> None:
    for seed in (0, 1):
        write_run(home, f"run-{seed}", MadeUp(seed=seed, references=(0, 1, 2), spec={"group": "mine"}))
    file = tmp_path / "report.html"
    assert main(["report", "--group", "mine", "--out", str(file)]) == 0
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    charts = page.locator("[data-figure]")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".js-plotly-plot")).to_have_count(charts.count())
    assert charts.count() >= 4 and wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    charts.first.hover()
    name, content = saved(page, lambda: charts.first.locator("[data-title='Save as PNG']").click())
    assert name == "unlearnscope.png" and Image.open(io.BytesIO(content)).format == "PNG"
    name, content = saved(page, lambda: charts.first.locator("[data-title='Save as SVG']").click())
    assert name == "unlearnscope.svg" and ElementTree.fromstring(content).tag.endswith("svg")
    # A click on a head sorts: the numbers of seeds are the second column.
    head = page.locator("th").nth(1)
    head.click()

    def sorted_now() -> None:
        first = page.locator("table").first.locator("tbody tr td:nth-child(2)").all_inner_texts()
        assert [int(n) for n in first] == sorted(int(n) for n in first)

    eventually(page, sorted_now)
    page.evaluate("() => scrollTo(0, 0)")
    shoot(page, "report")
    context.close()


def test_a_sweep_is_watched_and_its_table_is_handed_out(
    home: Home,
    started: Callable[[], Server],
    open_tab: Callable[..., Page],
    shoot: Callable[[Page, str], None],
) -> None:
    base, chosen = RunSpec(train=TrainSpec(epochs=2)), ("contrastive", "retrain", "unsir")
    sweep = Sweep(base, chosen, ("class:5", "random:50"), (0, 1), group="g")
    remember(sweep, home)
    specs = expand(sweep).runs
    for number, spec in enumerate(specs[:5]):
        parts = {p: getattr(spec, p) for p in ("data", "model", "train", "method", "group")}
        state = "failed" if number == 3 else "succeeded"
        made = MadeUp(spec.forget.select, references=(), seed=spec.seed, spec=parts, audited=0, state=state)
        write_run(home, f"run-{number}", made)
    server = started()
    page = open_tab(f"{server.url}/sweep?group=g")
    expect(page.get_by_role("heading", name="Sweep", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    expect(page.get_by_text("4 of 10 runs: 4 succeeded, 1 failed, 5 not queued")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Queue the 6 that are missing")).to_be_visible(timeout=PATIENCE_MS)
    shoot(page, "sweep-matrix")
    page.get_by_test_id("stPopover").filter(has_text="Download").first.click()
    # The table has a button of its own of that name.
    popover = page.get_by_test_id("stPopoverBody")
    name, content = saved(page, lambda: popover.get_by_role("button", name="CSV").click())
    table = pd.read_csv(io.BytesIO(content))
    assert name == "sweep.csv" and len(table) == 10 and table["state"].value_counts()["succeeded"] == 4
    name, content = saved(page, lambda: popover.get_by_role("button", name="Parquet").click())
    assert name == "sweep.parquet" and len(pd.read_parquet(io.BytesIO(content))) == 10
    page.keyboard.press("Escape")
    page.get_by_text("New sweep").click()
    expect(page.get_by_role("button", name="All that fit")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    shoot(page, "sweep-form")
    page.get_by_role("link", name="Compare these runs").click()
    expect(page.locator("h1")).to_have_text("Compare")
    settled(page)
    page.wait_for_url("**group=g**")
    name, content = saved(page, lambda: page.get_by_role("button", name="Report").click())
    assert name == "comparison.html" and content.startswith(b"<!doctype html>") and b"run-0" in content
