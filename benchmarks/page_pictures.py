"""Pictures of every page, light and dark, on a laptop and on a phone, to look at and for the docs.

    python -m benchmarks.page_pictures --home HOME --out FOLDER [--pages start drift] [--widths 1280] [--schemes light]

The home holds the demo runs, as the first start of the dashboard puts them there; pages about a run show ``--run``, by
default the first demo.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.pictures import found_browser, fresh_tab
from cu_core.base.home import Home
from cu_core.runstore.reader import list_runs
from pages._frame.page_records import Page as Record
from pages._frame.page_records import pages
from tests.browser.conftest import FLAGS
from tests.browser.waiting import PATIENCE_MS, at_rest, settled
from tests.served import stop, streamlit


def shown_run(home: Home, wanted: str) -> str:
    """Id of the run that pages about a run show."""
    rows = [row for row in list_runs(home) if row.rounds]
    named = [row.run_id for row in rows if wanted in row.run_id]
    demos = [row.run_id for row in rows if row.demo]
    return (named or demos or [row.run_id for row in rows])[0]


def photograph(page: Page, record: Record, url: str, run: str, path: Path, *, whole: bool) -> int:
    """Opens a page by its address and takes its picture.

    Args:
        page: the tab.
        record: of the page.
        url: of the server.
        run: id of the run for pages about one.
        path: of the picture.
        whole: the page from top to bottom; else what a window shows first.

    Returns:
        The page's height in px.
    """
    about = f"?run={run}" if record.needs != "nothing" else ""
    page.goto(f"{url}/{'' if record.id == 'start' else record.id}{about}")
    page.get_by_role("heading", level=1).first.wait_for()
    settled(page)
    at_rest(page, 1_500)
    height = int(page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"))
    size = page.viewport_size
    assert size is not None
    if whole and height > size["height"]:
        page.set_viewport_size({"width": size["width"], "height": min(height + 40, 6_000)})
        at_rest(page, 1_500)
    page.screenshot(path=path, timeout=PATIENCE_MS)
    page.set_viewport_size(size)
    Image.open(path).convert("RGB").save(path, optimize=True)
    return height


def main() -> None:
    """Takes the pictures that are asked for and prints the heights of the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", default="", help="part of the id of the run to show")
    parser.add_argument("--pages", nargs="+", choices=list(pages()), default=list(pages()))
    parser.add_argument("--widths", nargs="+", type=int, default=[1280, 390])
    parser.add_argument("--schemes", nargs="+", choices=("light", "dark"), default=["light", "dark"])
    parser.add_argument("--window", action="store_true", help="only what a window shows first")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    url, process = streamlit("app.py", options.out / "server.log", CU_HOME=str(options.home))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found_browser(), args=FLAGS)
            for scheme in options.schemes:
                for width in options.widths:
                    tab = fresh_tab(browser, width, scheme)
                    for name in options.pages:
                        run = shown_run(Home(options.home), options.run)
                        path = options.out / f"{name}-{width}-{scheme}.png"
                        height = photograph(tab, pages()[name], url, run, path, whole=not options.window)
                        print(f"{path.name}: {height:,} px high")
                    tab.context.close()
            browser.close()
    finally:
        stop(process)


if __name__ == "__main__":
    main()
