"""A static site in a real browser, opened from disk with the network off: nothing is asked for, everything works."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cu_core.analysis.site.lesson_pages import LESSON as LESSON_FILE
from cu_core.analysis.site.site_folder import write_site
from cu_core.analysis.site.site_pages import ABOUT
from cu_core.base.home import Home
from cu_core.catalogue.lessons.lesson_reader import lesson_from_text
from cu_core.catalogue.question_record import DIFFERS
from tests.browser.viewer_driver import reaches, state
from tests.browser.waiting import PATIENCE_MS, eventually
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict

pytestmark = pytest.mark.browser
VERDICT = {"verdict": madeup_verdict(DIFFERS)}
SHOWN = MadeUp(rounds=4, references=(0, 1), result=VERDICT, spec={"name": '<img src="http://example.org/x">'})
PIXELS = """() => { const board = document.getElementById("viewer").shadowRoot.querySelector(".board")
  const { points } = board.inspect(); const gl = points.getContext("webgl2")
  const seen = new Uint8Array(4 * points.width * points.height)
  gl.readPixels(0, 0, points.width, points.height, gl.RGBA, gl.UNSIGNED_BYTE, seen)
  let sum = 0; for (const byte of seen) sum += byte; return sum }"""
LETTERS = """() => [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width).flatMap(
  (svg) => [...svg.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize)
    * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"""
SPILLED = """() => [...document.querySelectorAll("svg")].flatMap((svg) => { const b = svg.getBoundingClientRect()
  return [...svg.querySelectorAll("text")].filter((text) => { const r = text.getBoundingClientRect(); return r.width &&
    (r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1) })
    .map((text) => text.textContent) })"""


class Visit:
    """A tab with the network off, and what it said and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def still_silent(self, *origins: str) -> None:
        """Nothing was said, and only these were asked."""
        # That reading pixels back takes time is the test's own doing.
        assert [text for text in self.said if "ReadPixels" not in text] == []
        assert [url for url in self.asked if not url.startswith((*origins, "blob:", "data:"))] == []


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def opened(address: str, *, width: int = 1280, scheme: str = "light", offline: bool = True) -> Visit:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, offline=offline, has_touch=width < 500)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        visited = Visit(context.new_page())
        visited.page.goto(address)
        return visited

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def site(home: Home, tmp_path: Path) -> Path:
    write_run(home, "shown", SHOWN)
    write_site(home, ["shown"], tmp_path / "site")
    return tmp_path / "site"


def test_a_page_from_disk_plays_all_rounds_without_a_network(
    site: Path, visit: Callable[..., Visit], shoot: Callable[[Page, str], None]
) -> None:
    visited = visit((site / "index.html").as_uri())
    page = visited.page
    seen = reaches(page, number=4, drawn=200)
    assert seen["titles"] == ["Before (round 0)", "After (round 4)", "Reference (retrained)"]
    after = eventually(page, lambda: _lit(page))
    shoot(page, "static-site")

    # The page's slider moves the viewer, the distributions and the line in the curves.
    figure = page.locator("figure", has=page.locator("g.moment")).first
    line = page.locator("path.here").first
    place = line.get_attribute("transform")
    slider = page.locator(".rounds input")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    reaches(page, number=2)
    expect(page.locator(".rounds output")).to_have_text("Round 2")
    expect(figure.locator("figcaption")).to_have_text("Round 2")
    expect(figure.locator("g.moment:visible")).to_have_count(1)
    assert line.get_attribute("transform") != place
    assert eventually(page, lambda: _lit(page)) != after, "another picture"

    # The viewer's own slider moves the page.
    page.locator("#viewer .scrubber input").focus()
    page.keyboard.press("Home")
    expect(page.locator(".rounds output")).to_have_text("Before (round 0)")
    reaches(page, number=0)
    page.locator("#viewer .play").click()
    expect(page.locator(".rounds output")).to_have_text("After (round 4)")
    reaches(page, number=4, share=0)

    page.get_by_role("button", name="Principal axes").click()
    eventually(page, lambda: _lit(page))
    expect(page.locator("[data-words='1']")).to_be_visible()
    expect(page.locator("[data-words='0']")).to_be_hidden()
    assert state(page)["position"] == 4
    assert page.title().startswith("<img") and page.locator("img").count() == 0
    visited.still_silent("file:")


def _lit(page: Page) -> int:
    """How much is drawn; something is."""
    lit = int(page.evaluate(PIXELS))
    assert lit > 0
    return lit


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_nothing_spills_and_letters_can_be_read(
    site: Path, visit: Callable[..., Visit], shoot: Callable[[Page, str], None], width: int, scheme: str
) -> None:
    visited = visit((site / "index.html").as_uri(), width=width, scheme=scheme)
    page = visited.page
    reaches(page, number=4)
    eventually(page, lambda: _lit(page))
    for summary in page.locator("summary").all():
        if not summary.evaluate("(it) => it.parentElement.open"):
            summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SPILLED) == []
    sizes = page.evaluate(LETTERS)
    assert len(sizes) > 100 and min(sizes) >= 12
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    shoot(page, f"static-site-{scheme}-{width}")
    visited.still_silent("file:")


def test_a_click_selects_and_a_card_shows_the_image(site: Path, visit: Callable[..., Visit]) -> None:
    visited = visit((site / "index.html").as_uri())
    page = visited.page
    reaches(page, number=4)
    spot = page.evaluate(
        """() => { const board = document.getElementById("viewer").shadowRoot.querySelector(".board")
        board.scrollIntoView(); const { panes, spot, points } = board.inspect()
        const at = points.getBoundingClientRect(); const [x, y] = spot(panes[1], 0); return [at.x + x, at.y + y] }"""
    )
    page.mouse.move(*spot)
    card = page.locator("#viewer .card")
    expect(card).to_be_visible()
    expect(card.locator(".who")).to_contain_text("sample")
    assert "blob:" in str(card.locator(".image").evaluate("(it) => it.style.backgroundImage"))
    page.mouse.click(*spot)
    eventually(page, lambda: _chosen(page))
    visited.still_silent("file:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(site: Path, visit: Callable[..., Visit], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    for file in ("index.html", "about.html"):
        page = visit((site / file).as_uri(), scheme=scheme).page
        if file == "index.html":
            reaches(page, number=4)
        found = axe.run(page).response["violations"]
        grave = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert grave == []
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((it) => Number(it.tagName[1]))")
        assert levels[0] == 1 and all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


LESSON = """
title: A lesson
summary: Guess.
runs: {shown: {title: The one, find: {method.id: contrastive}}}
steps:
  - id: first
    title: First
    minutes: 2
    run: shown
    text: [Look.]
    parts: [{part: before-after, metrics: [forget_acc, retain_acc]}, {part: claim, claim: remembers}, {part: attack}]
"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_words_and_a_lesson_fit_and_need_no_script(
    home: Home, tmp_path: Path, browser: Browser, shoot: Callable[[Page, str], None], width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    write_run(home, "shown", SHOWN)
    write_site(home, ["shown"], tmp_path / "site", lesson=lesson_from_text(LESSON, "own", "own.yaml"))
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
    context.set_default_timeout(PATIENCE_MS)
    for file in (ABOUT, LESSON_FILE):
        html = (tmp_path / "site" / file).read_text()
        assert "<script" not in html and "script-src 'none'" in html
        page = context.new_page()
        page.goto((tmp_path / "site" / file).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SPILLED) == []
        sizes = page.evaluate(LETTERS)
        assert len(sizes) > 10 and min(sizes) >= 12
        for drawing in page.locator("svg[role=img]").all():
            box = drawing.bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        shoot(page, f"static-{file.partition('.')[0]}-{scheme}-{width}")
        # Last, since it brings scripts of its own.
        found = axe.run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
    context.close()


def _chosen(page: Page) -> None:
    assert len(state(page)["chosen"]) == 1


def test_several_runs_from_a_plain_web_server(home: Home, tmp_path: Path, visit: Callable[..., Visit]) -> None:
    write_run(home, "one", MadeUp(rounds=1, audited=0, result=VERDICT))
    write_run(home, "two", MadeUp(rounds=2, audited=0, seed=1, references=()))
    write_site(home, ["one", "two"], tmp_path / "site", title="Both")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        visited = visit(address, width=390, offline=False)
        page = visited.page
        expect(page.locator("h1")).to_have_text("Both")
        page.locator("a[href='two.html']").click()
        reaches(page, number=2)
        page.get_by_role("link", name="What the words mean").click()
        expect(page.get_by_role("heading", name="What unlearning is")).to_be_visible()
        page.get_by_role("link", name="Back").click()
        expect(page.locator(".runs li")).to_have_count(2)
        # A server is asked for an icon, whatever a page says.
        visited.asked = [url for url in visited.asked if not url.endswith("favicon.ico")]
        visited.said = [text for text in visited.said if "favicon" not in text]
        visited.still_silent(address)
        server.shutdown()
