"""Film strips of the dashboard in a real browser: a picture every half second while something happens, side by side.

What moves, flashes or comes late is seen at a glance, which no number tells.

    python -m benchmarks.film_strips --home HOME --out FOLDER [--acts start selection] [--scheme dark] [--width 390]

The home holds the demo runs, as the first start of the dashboard puts them there; ``live`` launches a run in it.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.linked_selection import PANE
from benchmarks.pictures import found_browser, fresh_tab
from cu_core.base.home import Home
from cu_core.runstore.reader import list_runs
from tests.browser.conftest import FLAGS
from tests.browser.waiting import PATIENCE_MS, settled
from tests.served import stop, streamlit

EVERY_SECONDS = 0.5
# Of each picture in a strip, in px.
TILE_WIDTH = 480


def film(page: Page, act: Callable[[Page], None], seconds: float) -> list[tuple[float, Image.Image]]:
    """Does something, and photographs the page every half second from then on.

    Args:
        page: to look at.
        act: what is done; returns at once.
        seconds: how long to look.

    Returns:
        Seconds since the act and pictures; a busy browser may give fewer.
    """
    begun = time.monotonic()
    act(page)
    pictures = []
    for number in range(round(seconds / EVERY_SECONDS) + 1):
        time.sleep(max(0.0, begun + number * EVERY_SECONDS - time.monotonic()))
        taken = time.monotonic() - begun
        pictures.append((taken, Image.open(io.BytesIO(page.screenshot(timeout=PATIENCE_MS)))))
    return pictures


def strip(pictures: list[tuple[float, Image.Image]], columns: int = 4) -> Image.Image:
    """The pictures beside each other, row by row, in their order."""
    first = pictures[0][1]
    width = min(TILE_WIDTH, first.width)
    height = round(first.height * width / first.width)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for number, (_, picture) in enumerate(pictures):
        place = (number % columns * width, number // columns * height)
        sheet.paste(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), place)
    return sheet


def _to(address: str) -> Callable[[Page], None]:
    return lambda page: page.goto(address, wait_until="commit") and None


def _start(page: Page, url: str, run: str) -> list[tuple[float, Image.Image]]:
    return film(page, _to(url), 6)


def _page_change(page: Page, url: str, run: str) -> list[tuple[float, Image.Image]]:
    page.goto(f"{url}/run?run={run}")
    settled(page)
    return film(page, lambda page: page.locator(".st-key-pages_of_run").get_by_role("link", name="Drift").click(), 4)


def _selection(page: Page, url: str, run: str) -> list[tuple[float, Image.Image]]:
    page.goto(f"{url}/drift?run={run}")
    settled(page)
    page.get_by_role("button", name="Lasso").first.click()
    x, y, width, height = page.evaluate(PANE)

    def choose(page: Page) -> None:
        # Around the left half of the round's pane.
        page.mouse.move(x + 1, y + 1)
        page.mouse.down()
        for across, down in ((0.5, 1 / height), (0.5, 1 - 1 / height), (1 / width, 1 - 1 / height)):
            page.mouse.move(x + across * width, y + down * height, steps=4)
        page.mouse.up()

    return film(page, choose, 4)


def _lesson(page: Page, url: str, run: str) -> list[tuple[float, Image.Image]]:
    page.goto(f"{url}/learn")
    settled(page)
    return film(page, lambda page: page.get_by_role("button", name="Lock in my answer").first.click(), 5)


def _live(page: Page, url: str, run: str) -> list[tuple[float, Image.Image]]:
    page.goto(f"{url}/launch")
    settled(page)
    button = page.get_by_test_id("stBottom").get_by_role("button", name="Launch")
    return film(page, lambda page: button.click(), 20)


ACTS = {
    "start": _start,
    "page-change": _page_change,
    "selection": _selection,
    "lesson": _lesson,
    "live": _live,
}


def main() -> None:
    """Films what is asked for and writes a strip of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--acts", nargs="+", choices=list(ACTS), default=list(ACTS))
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--width", type=int, default=1280)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "server.log"
    url, process = streamlit("app.py", log, CU_HOME=str(options.home))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found_browser(), args=FLAGS)
            warm = fresh_tab(browser, options.width, options.scheme)
            warm.goto(url)
            settled(warm)
            run = next(row.run_id for row in reversed(list_runs(Home(options.home))) if row.rounds)
            for name in options.acts:
                pictures = ACTS[name](fresh_tab(browser, options.width, options.scheme), url, run)
                strip(pictures).save(options.out / f"{name}-{options.width}-{options.scheme}.png")
                print(name, " ".join(f"{seconds:.1f}" for seconds, _ in pictures), "s")
            browser.close()
    finally:
        stop(process)


if __name__ == "__main__":
    main()
