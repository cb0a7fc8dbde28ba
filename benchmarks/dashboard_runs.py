"""How fast the dashboard is over a home with a thousand finished runs, at rest and while a job uses all cores.

Server times are those of real sessions over real connections: until the first picture and the whole page have been
sent, for runs that nobody has looked at before, and until the page is drawn again. A headless Chromium says when the
first table or picture can be seen in a new tab, and how long a whole page takes after a click in an open one. The
named alternative is the same list read from every run's directory, without the index.

    python -m benchmarks.dashboard_runs --chromium /usr/bin/chromium-headless-shell
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from benchmarks.measuring import machine, machine_words, quartiles, table, write_out
from benchmarks.visits import ALL, ONE_RUN, Visit, query_of, serving, visit
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import ensure_dispatcher
from cu_core.runstore import layout
from cu_core.runstore.index import list_runs
from cu_core.runstore.reader import open_run
from cu_core.runstore.rows import read_row
from tests.served import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EPOCHS = 2000
MOST_LISTS = 3
# What can be seen first on a page: the lists have a table, the others a chart or the viewer.
TABLE = "[data-testid=stDataFrame] canvas >> visible=true"
CHART = ".js-plotly-plot .main-svg >> visible=true"
VIEWER = "canvas.points >> visible=true"
FIRST = {"runs": TABLE, "drift": VIEWER} | dict.fromkeys(("run", "confidence", "similarity", "attack"), CHART)
# Sweep and papers are forms above tables, launch is a form; their whole page is what counts.
STEP = 41
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def visits_of(server: Server, pages: Sequence[str], repeats: int, runs: int, start: int) -> dict[str, list[Visit]]:
    """Visits to pages in turns, each to a run that this server has not shown before."""
    found: dict[str, list[Visit]] = {page: [] for page in pages}
    number = start
    for page in pages:  # what a server does once: imports, the first figure
        asyncio.run(visit(server.url, page, query_of(page, 0, runs)))
    for _ in range(repeats):
        for page in pages:
            number += STEP
            found[page].append(asyncio.run(visit(server.url, page, query_of(page, number, runs))))
    return found


def list_seconds(home: Home, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds to list all runs in turns: from the index, and from every run's directory."""
    with_index, without = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        rows = list_runs(home)
        with_index.append(time.perf_counter() - began)
        began = time.perf_counter()
        read = [read_row(home.runs / run_id) for run_id in layout.run_ids(home.runs)]
        without.append(time.perf_counter() - began)
        if {row.run_id: row for row in rows} != {row.run_id: row for row in read}:
            raise AssertionError("the index says something else than the files")
    return with_index, without


@contextlib.contextmanager
def browser_at(chromium: str) -> Iterator[Browser]:
    """A headless browser that draws WebGL without a graphics card."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needed with --chromium alone

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def browser_seconds(server: Server, chromium: str, repeats: int, runs: int, start: int) -> dict[str, list[float]]:
    """Seconds from the address to the first table or picture, in a new tab of a browser that knows the site."""
    found: dict[str, list[float]] = {page: [] for page in FIRST}
    with browser_at(chromium) as browser:
        for place, (page, first) in enumerate(FIRST.items()):
            # One context for each kind of page: its first tab fetches the site's files, and none inherits a busy WebGL.
            context = browser.new_context(viewport={"width": 1280, "height": 1000})
            for attempt in range(repeats + 1):
                tab = context.new_page()
                began = time.perf_counter()
                tab.goto(f"{server.url}/{page}?{query_of(page, start + STEP * (7 * attempt + place), runs)}")
                tab.wait_for_selector(first, timeout=120_000)
                if attempt:
                    found[page].append(time.perf_counter() - began)
                tab.close()
            context.close()
    return found


def click_seconds(server: Server, chromium: str, repeats: int, runs: int, start: int) -> dict[str, list[float]]:
    """Seconds from a click on a page's name to its whole page with table or picture, in a tab that is open.

    Each tab shows a run that nobody has looked at, goes through its pages, and ends at the list of runs. The first tab
    warms up.
    """
    from tests.browser.waiting import TWO_FRAMES, heard, listen, settled  # noqa: PLC0415 - needs playwright

    pages = [page for page in FIRST if page not in ("run", "runs")]
    found: dict[str, list[float]] = {page: [] for page in (*pages, "runs")}
    with browser_at(chromium) as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        for attempt in range(repeats + 1):
            tab = listen(context.new_page())
            tab.goto(f"{server.url}/run?{query_of('run', start + STEP * attempt, runs)}")
            tab.wait_for_selector(FIRST["run"], timeout=120_000)
            settled(tab)
            for page in (*pages, "runs"):
                began = time.perf_counter()
                with heard(tab):
                    tab.locator(f"a[href$='/{page}']:visible, a[href^='{page}?']:visible").first.click()
                tab.wait_for_selector(FIRST[page], timeout=120_000)
                tab.evaluate(TWO_FRAMES)
                if attempt:
                    found[page].append(time.perf_counter() - began)
            tab.close()
    return found


@contextlib.contextmanager
def busy(home: Home) -> Iterator[psutil.Process]:
    """A training of a small network that keeps all cores busy, as an ordinary run; it is cancelled at the end."""
    spec = DEFAULT_PRESET.spec
    spec = replace(spec, train=replace(spec.train, epochs=EPOCHS), name="busy")
    run_id = submission.submit(spec, home)
    ensure_dispatcher(home)
    end = time.monotonic() + 120
    while True:
        view = open_run(home, run_id)
        if view.state == "running" and any(event["phase"] == "train" for event in view.events()):
            break
        if time.monotonic() > end:
            raise AssertionError(f"the run that should use all cores is {view.state}:\n{view.log()}")
        time.sleep(0.2)
    worker = psutil.Process(view.run_state.process["pid"])
    try:
        worker.cpu_percent()
        yield worker
    finally:
        submission.cancel(home, run_id)
        with contextlib.suppress(psutil.Error):
            worker.wait(60)
        submission.delete(home, run_id)


def lines(found: dict[str, list[Visit]]) -> list[list[str]]:
    """One line per page: medians, with the worst of n."""
    rows = []
    for page, visits in found.items():
        pictures = [v.picture for v in visits if v.picture is not None]
        columns: list[Sequence[float]] = [pictures, [v.whole for v in visits], [v.again for v in visits]]
        size = f"{statistics.median(v.received for v in visits) / 1e6:.2f}"
        rows.append([page, *(seconds_words(values) for values in columns), size])
    return rows


def seconds_words(values: Sequence[float]) -> str:
    """Median, quartiles and the worst."""
    if not values:
        return "–"
    low, middle, high = quartiles(values)
    return f"{middle:.2f} ({low:.2f}-{high:.2f}; {max(values):.2f})"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="holds a home of an earlier call, or takes the new one")
    parser.add_argument("--chromium", help="measure in this browser as well")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    at = machine(torch.device("cpu"))
    content: dict[str, Any] = {"machine": at, "runs": options.runs, "rounds": options.rounds}
    head = ["page", "first picture, s", "whole page, s", "drawn again, s", "MB"]
    print(machine_words(at))
    print(f"{options.runs} runs x {options.rounds} rounds; n = {options.repeats}; median (quartiles; worst)\n")
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(options.folder or Path(scratch), options.runs, options.rounds) as server,
    ):
        rest = visits_of(server, ALL, options.repeats, options.runs, 0)
        print(table(head, lines(rest)))
        with_index, without = list_seconds(server.home, min(options.repeats, MOST_LISTS))
        ratio = statistics.median(b / a for a, b in zip(with_index, without, strict=True))
        print(f"\nlist of all runs: {statistics.median(with_index) * 1000:.0f} ms; from every directory "
              f"{statistics.median(without):.2f} s, {ratio:.0f} times as long\n")  # fmt: skip
        content |= {"rest": {page: [asdict(v) for v in visits] for page, visits in rest.items()}}
        content |= {"list": with_index, "list_without_index": without}
        if options.chromium:
            seen = browser_seconds(server, options.chromium, options.repeats, options.runs, 500)
            clicked = click_seconds(server, options.chromium, options.repeats, options.runs, 700)
            rows = [[page, *(seconds_words(times.get(page, [])) for times in (seen, clicked))] for page in seen]
            print(table(["page", "seen in a new tab, s", "whole page after a click, s"], rows))
            content |= {"browser": seen, "clicked": clicked}
        with busy(server.home) as worker:
            loaded = visits_of(server, ("runs", *ONE_RUN), options.repeats, options.runs, 250)
            share = worker.cpu_percent()
        print(f"\nwhile a training uses {share:.0f} % of {psutil.cpu_count()} cores (100 % is one core):\n")
        print(table(head, lines(loaded)))
        content |= {"busy": {page: [asdict(v) for v in visits] for page, visits in loaded.items()}, "job_cpu": share}
    write_out(options.out, content)


if __name__ == "__main__":
    main()
