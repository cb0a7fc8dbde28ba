"""Every page for those who do not see it, have no mouse or hold a phone: axe-core, headings, names, no scroll sideways.

Violations that Streamlit's own markup brings and no page can mend are listed in `LEFT`, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.jobs import demo
from pages._frame.page_records import Page as Record
from pages._frame.page_records import pages
from tests.browser.waiting import at_rest, heard, quiet, settled
from tests.served import Server, serve

pytestmark = pytest.mark.browser
axe = pytest.importorskip("axe_playwright_python", reason="axe-core comes with the package axe-playwright-python")
WIDE, NARROW, HEIGHT = 1280, 390, 900
GRAVE = ("serious", "critical")

# Rule to where it is left alone and why: CSS of the elements, and for contrast the least ratio.
LEFT: dict[str, list[tuple[str, float]]] = {
    # Streamlit puts the sections of the navigation as plain divisions into the list of its links.
    "list": [("[data-testid=stSidebarNavItems]", 0)],
    "listitem": [("[data-testid=stSidebarNavItems] li", 0)],
    # Streamlit writes on the primary colour in white, and in the primary colour on what is selected and at sliders: in
    # a dark theme no colour has 4.5 with both. It has 4.5 with white; what is selected shows by its frame and ground,
    # too, and a slider's number by where its thumb stands.
    "color-contrast": [("[data-selected=true] *", 3.5), ("[data-testid=stSliderThumbValue] *", 3.5)],
    # A static table that is wider than a phone scrolls in a box of its own, which Streamlit gives no place among the
    # stops of the Tab key; a screen reader reads its cells all the same.
    "scrollable-region-focusable": [("[data-testid=stTable] *", 0)],
}
LOOK = """async ([grave, left]) => {
  const found = await axe.run(document, { resultTypes: ["violations"], elementRef: true })
  const spared = (rule, node) => (left[rule] ?? []).some(([where, ratio]) =>
    node.element?.matches(where) && (!ratio || (node.any[0]?.data?.contrastRatio ?? 0) >= ratio))
  return found.violations.filter(({ impact }) => grave.includes(impact)).flatMap(({ id, nodes }) =>
    nodes.filter((node) => !spared(id, node)).map((node) =>
      `${id}: ${node.html.slice(0, 160)}: ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message}`))
}"""
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((part) => part.offsetParent)
  .map((part) => [Number(part.tagName[1]), part.innerText])"""
NAMELESS = """() => {
  const found = []
  const look = (root) => {
    for (const part of root.querySelectorAll("*")) {
      if (part.shadowRoot) look(part.shadowRoot)
      if (!part.matches(".js-plotly-plot, canvas") || !part.getClientRects().length) continue
      // One canvas of a stack speaks for those that lie below it.
      let named = part.closest("[aria-hidden=true]")
        || [...part.parentElement.children].some((layer) => layer.matches("canvas[aria-label]"))
      for (let up = part; up && !named; up = up.parentElement ?? up.getRootNode().host)
        named = up.getAttribute("aria-label") || up.getAttribute("aria-labelledby")
      if (!named) found.push(part.outerHTML.slice(0, 200))
    }
  }
  look(document)
  return found
}"""
ACROSS = """() => {
  const main = document.querySelector("[data-testid=stMain]")
  return [document.scrollingElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth]
}"""
FOCUSED = "() => document.activeElement?.innerText ?? ''"


@pytest.fixture(scope="module")
def engine() -> str:
    """The script of axe-core."""
    return next(Path(axe.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server whose home holds the demos, and the id of the first."""
    folder = tmp_path_factory.mktemp("access")
    first = demo.install(Home(folder / "home").create(), dashboard_folder() / "assets" / "demo")[0]
    with serve(folder) as running:
        yield running, first


def visit(page: Page, shown: tuple[Server, str], record: Record) -> None:
    server, run = shown
    page.goto(f"{server.url}/{record.id}" + ("" if record.needs == "nothing" else f"?run={run}"))
    expect(page.locator("h1").first).to_be_visible()
    settled(page)


def check_headings(found: list[tuple[int, str]]) -> None:
    levels = [level for level, _ in found]
    assert levels[:1] == [1] and levels.count(1) == 1, f"one title, and it comes first: {found}"
    skipped = [found[n] for n in range(1, len(found)) if levels[n] > levels[n - 1] + 1]
    assert not skipped, f"no level is left out: {skipped}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("record", pages().values(), ids=lambda record: record.id)
def test_a_page_can_be_read_by_everyone(
    shown: tuple[Server, str],
    open_tab: Callable[..., Page],
    shoot: Callable[[Page, str], None],
    engine: str,
    record: Record,
    scheme: str,
) -> None:
    page = open_tab("about:blank", scheme)
    said: dict[str, Any] = {}
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        visit(page, shown, record)
        at_rest(page)
        page.evaluate(engine)
        said |= {
            f"{width} px, axe-core": page.evaluate(LOOK, [GRAVE, LEFT]),
            f"{width} px, without a name": page.evaluate(NAMELESS),
            f"{width} px, sideways": [over for over in page.evaluate(ACROSS) if over > 0],
        }
        check_headings(page.evaluate(HEADINGS))
        shoot(page, f"access-{record.id}-{width}-{scheme}")
    assert not {what: found for what, found in said.items() if found}


def test_the_launch_form_needs_no_mouse(shown: tuple[Server, str], open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{shown[0].url}/launch")
    quiet(page)
    page.get_by_label("Start from a preset").first.focus()

    def tab_to(words: str) -> None:
        for _ in range(60):
            if words in page.evaluate(FOCUSED):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key never comes to {words!r}")

    tab_to("Images")
    with heard(page):
        page.keyboard.press("Enter")
    expect(page.get_by_label("Dataset").first).to_be_visible()
    tab_to("How to forget")
    tab_to("Grid")
    tab_to("Launch")


def test_a_typed_name_and_enter_add_one(shown: tuple[Server, str], open_tab: Callable[..., Page]) -> None:
    """Streamlit offers to take all that match before any of them, and the Enter key took that."""
    page = open_tab(f"{shown[0].url}/sweep")
    quiet(page)
    field = page.get_by_role("combobox", name="Methods").first

    def chosen() -> set[str]:
        return set(page.locator("[data-tag-index]").all_inner_texts())

    while any(name.startswith("SCRUB") for name in chosen()):
        with heard(page):
            field.press("Backspace")
    before = chosen()
    field.press_sequentially("SCRUB")
    expect(page.get_by_role("option", name="SCRUB with rewinding")).to_be_visible()
    with heard(page):
        field.press("Enter")
    assert chosen() - before == {"SCRUB"}
