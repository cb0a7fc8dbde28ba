"""From the start of the dashboard's process to its first page, with a warm disk, and from the bare address to it again.

Two moments after the process was started: its health route answers, and a headless Chromium shows the picture of the
first page, Start: a demo that plays in the viewer. Then the same address once more, as somebody else opens it who has
never been there: on a warm server. The named alternative is the least that Streamlit can do: an app of one line,
started and looked at in the same way in the same turns.

    python -m benchmarks.dashboard_start --chromium /usr/bin/chromium-headless-shell
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from playwright.sync_api import Browser, sync_playwright

from benchmarks.dashboard_runs import FLAGS, seconds_words
from benchmarks.many_runs import make_home
from benchmarks.measuring import Ratio, machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.data.prepared import prepare
from cu_core.jobs import demo
from cu_core.runstore.layout import run_ids
from tests.served import ROOT

LEAST = "import streamlit as st\nst.title('Least')\nst.dataframe({'a': [1]})\n"
TABLE = "() => document.querySelector('[data-testid=stDataFrame] canvas')"
# The viewer's own parts lie in a shadow root; it tells of shares once it has drawn.
PICTURE = """() => [...document.querySelectorAll("*")].some((part) => {
  const board = part.inspect ? part : part.shadowRoot?.querySelector(".board")
  return board?.inspect?.().shares })"""


@dataclass(frozen=True)
class Start:
    """Seconds after the process was started.

    Attributes:
        answers: until the health route answers.
        seen: until the first page shows its picture in the browser, the one-line app its table.
        again: from the address to the same in a new context, the server being warm.
        megabytes: resident memory of the server then.
    """

    answers: float
    seen: float
    again: float
    megabytes: float


@contextlib.contextmanager
def process(script: Path, home: Home, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server that is being started, with its address; ended as Ctrl-C does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"]
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *words, "--browser.gatherUsageStats=false"],
            cwd=ROOT,
            env=os.environ | {"CU_HOME": str(home.root)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield f"http://127.0.0.1:{port}", running
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def look(url: str, shown: str, browser: Browser) -> None:
    """Opens an address in a context of its own, so that nothing is cached, and waits until something is shown."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(url)
    page.wait_for_function(shown, timeout=120_000)
    context.close()


def start(script: Path, route: str, home: Home, browser: Browser, shown: str, log: Path) -> Start:
    """Starts a server once and looks at its first page, twice.

    Args:
        script: what Streamlit runs.
        route: that answers as soon as the server is up.
        home: of the server.
        browser: one that runs already.
        shown: is true in the browser once the page shows what it is about.
        log: takes what the server prints.
    """
    began = time.perf_counter()
    with process(script, home, log) as (url, running):
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}{route}", timeout=60):
                answers = time.perf_counter() - began
                break
            if running.poll() is not None:
                raise AssertionError(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.01)
        look(url, shown, browser)
        seen = time.perf_counter() - began
        began = time.perf_counter()
        look(url, shown, browser)
        again = time.perf_counter() - began
        status = Path(f"/proc/{running.pid}/statm")
        pages = int(status.read_text().split()[1]) if status.exists() else 0
    return Start(answers, seen, again, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="holds a home of an earlier call, or takes the new one")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    at = machine(torch.device("cpu"))
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = options.folder or Path(scratch)
        home = Home(folder / "home")
        if not home.index.exists():
            make_home(home, options.runs, options.rounds)
            demo.install(home, ROOT / "assets" / "demo")
            for spec in demo.demo_specs(home):
                prepare(spec.data, home)
        count = len(run_ids(home.runs))
        least = folder / "least.py"
        least.write_text(LEAST)
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        found: dict[str, list[Start]] = {"dashboard": [], "one-line app": []}
        for _ in range(options.repeats + 1):
            found["dashboard"].append(
                start(ROOT / "app.py", "/api/health", home, browser, PICTURE, folder / "start.log")
            )
            found["one-line app"].append(start(least, "/_stcore/health", home, browser, TABLE, folder / "least.log"))
        browser.close()
    found = {name: starts[1:] for name, starts in found.items()}  # the first ones warmed the disk
    ratio = Ratio.of([s.seen for s in found["one-line app"]], [s.seen for s in found["dashboard"]])
    print(machine_words(at))
    print(f"{count} runs in the home; n = {options.repeats}; seconds, median (quartiles; worst)\n")
    rows = [
        [
            name,
            seconds_words([s.answers for s in starts]),
            seconds_words([s.seen for s in starts]),
            seconds_words([s.again for s in starts]),
            f"{starts[-1].megabytes:.0f}",
        ]
        for name, starts in found.items()
    ]
    print(table(["", "health answers", "first page seen", "seen again, warm", "MB"], rows))
    print(f"\nthe dashboard takes {ratio.words()} times as long as the least app")
    write_out(options.out, {"machine": at} | {name: [asdict(s) for s in starts] for name, starts in found.items()})


if __name__ == "__main__":
    main()
