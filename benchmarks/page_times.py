"""How long a change of page takes in a real browser, how long pages are, and whether they log errors.

One tab goes from page to page by the links that a person would click. Times run from the click: until the heading of
the new page stands, until its first picture or table does, and until the script rests. Every page is also opened by its
address in a new tab, for what the console says and what is missing. With several ``--url`` (of servers that run
already, say of two versions of the dashboard over copies of one home) the servers take turns, and the table has the
ratio of the others to the first.

    python -m benchmarks.page_times --chromium /usr/bin/chromium-headless-shell
"""

from __future__ import annotations

import argparse
import contextlib
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from benchmarks.dashboard_runs import FLAGS
from benchmarks.measuring import machine, machine_words, table, write_out
from pages._frame.page_records import pages
from tests.browser.waiting import at_rest, heard, listen, settled
from tests.madeup import MadeUp, write_run
from tests.served import serve

WIDTH, HEIGHT = 1280, 1000
PATIENCE_MS = 240_000
RUN = "shown"
# The first of these below the head is a page's main part.
KINDS = (
    "canvas",
    ".js-plotly-plot .main-svg",
    "[data-testid=stTable]",
    "[data-testid=stForm]",
    "[data-testid=stButton]",
)
PART = ", ".join(f"[data-testid=stMain] {kind}:not(.st-key-run_head *)" for kind in KINDS)
# A page of words alone has no such part: it is there when the script rests.
SEEN = """(part) => [...document.querySelectorAll(part)].some((one) => one.checkVisibility())
  || document.querySelector("[data-testid=stApp]").dataset.testScriptState === 'notRunning'"""
AIM = 0.7


@dataclass
class Times:
    """What was measured of one page.

    Attributes:
        heading: seconds from the click until its heading stands, one per turn.
        part: the same until its first picture, table or form stands.
        whole: the same until the script rests.
        height: of the whole page, in px.
        said: errors of the console and missing addresses when it was opened by its address.
    """

    heading: list[float] = field(default_factory=list)
    part: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    height: int = 0
    said: list[str] = field(default_factory=list)


@contextlib.contextmanager
def servers(urls: list[str], runs: int) -> Iterator[list[str]]:
    """Addresses of the servers to measure; one of its own over invented runs where none is named."""
    if urls:
        yield urls
        return
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        for number in range(runs):
            write_run(server.home, f"{RUN}-{number}" if number else RUN, MadeUp())
        yield [server.url]


def change(tab: Page, page: str, title: str, found: Times | None) -> None:
    """Clicks on a page's link and waits for it.

    Args:
        tab: that is open.
        page: id of the page.
        title: its heading.
        found: takes the times; None to warm up.
    """
    # By name in the sidebar, where the first page has no path; the head of a run links to its other pages.
    beside = tab.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{re.escape(title)}$"))
    link = beside.or_(tab.locator(f"a[href^='{page}?']:visible")).first
    link.wait_for()
    with heard(tab):
        began = time.perf_counter()
        link.click()
        tab.locator("h1", has_text=re.compile(f"^{re.escape(title)}$")).wait_for()
        heading = time.perf_counter() - began
        tab.wait_for_function(SEEN, arg=PART, polling="raf")
        part = time.perf_counter() - began
    whole = time.perf_counter() - began
    settled(tab)
    if found is not None:
        found.heading.append(heading)
        found.part.append(part)
        found.whole.append(whole)
        found.height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")


def turn(browser: Browser, url: str, run_id: str, found: dict[str, Times] | None) -> None:
    """Goes through all pages of a server once, in a tab of its own that begins at the page of a run."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(PATIENCE_MS)
    tab = listen(context.new_page())
    tab.goto(f"{url}/run?run={run_id}")
    expect(tab.locator("h1")).to_be_visible(timeout=PATIENCE_MS)
    settled(tab)
    records = list(pages().values())
    for page in sorted(records, key=lambda page: page.needs == "nothing"):
        if page.id != "run":
            change(tab, page.id, page.title, None if found is None else found[page.id])
    change(tab, "run", pages()["run"].title, None if found is None else found["run"])
    context.close()


def listen_to(browser: Browser, url: str, run_id: str, found: dict[str, Times]) -> None:
    """Opens every page by its address and notes what goes wrong."""
    for page in pages().values():
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        said = found[page.id].said

        def note(message: ConsoleMessage, said: list[str] = said) -> None:
            if message.type == "error":
                said.append(message.text)

        def missed(answer: Response, said: list[str] = said) -> None:
            if answer.status >= 400:
                said.append(f"{answer.status} {answer.url}")

        tab.on("console", note)
        tab.on("response", missed)
        tab.goto(f"{url}/{page.id}" + (f"?run={run_id}" if page.needs != "nothing" else ""))
        tab.locator("h1").wait_for()
        at_rest(tab)
        context.close()


def lines(found: list[dict[str, Times]]) -> list[tuple[str, ...]]:
    """A line per page: seconds, ratios, height, errors."""
    shown = []
    for page, times in found[0].items():
        middle = [f"{statistics.median(values):.2f}" for values in (times.heading, times.part, times.whole)]
        ratios = [
            f"{statistics.median(b / a for a, b in zip(times.part, other[page].part, strict=True)):.2f}"
            for other in found[1:]
        ]
        shown.append((page, *middle, *ratios, f"{times.height:,}", str(len(times.said))))
    return shown


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--url", action="append", default=[], help="of a server that runs; may be given again")
    parser.add_argument("--run", default=RUN, help="id of the run to look at, where --url is given")
    parser.add_argument("--runs", type=int, default=30, help="invented ones, where it is not")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    at = machine(torch.device("cpu"))
    with servers(options.url, options.runs) as urls, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        found = [{page: Times() for page in pages()} for _ in urls]
        for attempt in range(options.repeats + 1):
            for url, times in zip(urls, found, strict=True):
                turn(browser, url, options.run, times if attempt else None)
        for url, times in zip(urls, found, strict=True):
            listen_to(browser, url, options.run, times)
        browser.close()
    print(machine_words(at))
    ratios = [f"{number}. server / 1." for number in range(2, len(urls) + 1)]
    print(table(("page", "heading s", "main part s", "whole s", *ratios, "height px", "errors"), lines(found)))
    slowest = max(statistics.median(times.part) for times in found[0].values())
    print(f"Slowest change to the main part: {slowest:.2f} s; the aim on idle cores is {AIM:.1f} s.")
    for times in found:
        for page, one in times.items():
            for words in one.said:
                print(f"{page}: {words}")
    write_out(
        options.out, {"machine": at, "pages": [{page: asdict(t) for page, t in times.items()} for times in found]}
    )


if __name__ == "__main__":
    main()
