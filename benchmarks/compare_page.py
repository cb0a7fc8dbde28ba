"""How long the compare page takes to open 30 runs of 20 rounds, from a warm server.

The runs are invented (`tests.madeup`), so this measures reading and drawing alone. Two numbers each: the page's script
without a browser, and a headless Chromium until the table and the chart are there.

    python -m benchmarks.compare_page --chromium /usr/bin/chromium-headless-shell
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.spec import MethodSpec
from tests.madeup import MadeUp, write_run

SEEDS = 3


def make_runs(home: Home, runs: int, rounds: int) -> None:
    """Writes runs of several methods with three seeds each, in one group."""
    classifier_methods = [m.id for m in METHODS.values() if "class" in m.tasks and "supervised" in m.objectives]
    for number in range(runs):
        method_id = classifier_methods[number // SEEDS % len(classifier_methods)]
        seed = number % SEEDS
        made = MadeUp(
            rounds=rounds,
            references=(0, 1, 2),
            seed=seed,
            counts=(60, 300, 140),
            spec={"method": MethodSpec(method_id), "group": "bench"},
        )
        write_run(home, f"bench-{number}", made)


def script_seconds(pictures: list[str], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the page's script for each picture, by the clock and of the processor.

    The first opening of all is not counted.
    """
    from tests.pages.page_helpers import open_page  # noqa: PLC0415 - reads CU_HOME

    open_page("compare.py", group="bench")
    found: dict[str, list[tuple[float, float]]] = {}
    for picture in pictures:
        for _ in range(repeats):
            clock, processor = time.perf_counter(), time.process_time()
            open_page("compare.py", group="bench", picture=picture)
            passed = (time.perf_counter() - clock, time.process_time() - processor)
            found.setdefault(picture, []).append(passed)
    return found


def browser_seconds(home: Home, chromium: str, repeats: int) -> list[float]:
    """Seconds from the address to the drawn table and chart, in a fresh tab of a warm server."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needed with --chromium alone

    from tests.served import serve  # noqa: PLC0415

    found = []
    with serve(home.root.parent) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for attempt in range(repeats + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 1000})
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{server.url}/compare?group=bench")
            page.wait_for_selector(".js-plotly-plot .main-svg", timeout=120_000)
            page.wait_for_selector("[data-testid=stDataFrame] canvas >> visible=true", timeout=120_000)
            if attempt:
                found.append(time.perf_counter() - began)
            context.close()
        browser.close()
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--chromium", help="measure in this browser as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").create()
        os.environ["CU_HOME"] = str(home.root)
        make_runs(home, options.runs, options.rounds)
        print(f"{options.runs} runs x {options.rounds} rounds on {platform.processor() or platform.machine()}, "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")  # fmt: skip
        pictures = ["Trade-off", "Over rounds", "Per class", "Predictions", "Distributions", "Layers", "Probe recovery"]
        for picture, seconds in script_seconds(pictures, options.repeats).items():
            later = seconds[1:] or seconds
            clock, processor = (statistics.median(passed[k] for passed in later) for k in (0, 1))
            print(
                f"script, {picture}: first {seconds[0][0]:.2f} s ({seconds[0][1]:.2f} s of processor), then "
                f"{clock:.2f} s ({processor:.2f} s)"
            )
        if options.chromium:
            seconds = browser_seconds(home, options.chromium, options.repeats)
            print(f"browser, Trade-off: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")


if __name__ == "__main__":
    main()
