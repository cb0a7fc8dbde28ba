"""From the start of the dashboard's process to its first page, with a warm disk.

Three moments after the process was started: its health route answers, the server has sent the whole first page (Runs),
and a headless Chromium shows the table. The named alternative is the least that Streamlit can do: an app of one line,
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
from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks.dashboard_runs import seconds_words
from benchmarks.many_runs import make_home
from benchmarks.measuring import Ratio, machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.runstore.layout import run_ids
from tests.served import ROOT

LEAST = "import streamlit as st\nst.title('Least')\nst.dataframe({'a': [1]})\n"
TABLE = "[data-testid=stDataFrame] canvas >> visible=true"


@dataclass(frozen=True)
class Start:
    """Seconds after the process was started.

    Attributes:
        answers: until the health route answers.
        seen: until the first page shows its table in the browser.
        megabytes: resident memory of the server then.
    """

    answers: float
    seen: float
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


def start(script: Path, route: str, home: Home, context: BrowserContext, log: Path) -> Start:
    """Starts a server once and looks at its first page.

    Args:
        script: what Streamlit runs.
        route: that answers as soon as the server is up.
        home: of the server.
        context: of a browser that runs already. Each server has a port of its own, so the site's files are fetched
            every time, as on a first visit.
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
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector(TABLE, timeout=120_000)
        seen = time.perf_counter() - began
        page.close()
        status = Path(f"/proc/{running.pid}/statm")
        pages = int(status.read_text().split()[1]) if status.exists() else 0
    return Start(answers, seen, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


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
        count = len(run_ids(home.runs))
        least = folder / "least.py"
        least.write_text(LEAST)
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        found: dict[str, list[Start]] = {"dashboard": [], "one-line app": []}
        for _ in range(options.repeats + 1):
            found["dashboard"].append(start(ROOT / "app.py", "/api/health", home, context, folder / "start.log"))
            found["one-line app"].append(start(least, "/_stcore/health", home, context, folder / "least.log"))
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
            f"{starts[-1].megabytes:.0f}",
        ]
        for name, starts in found.items()
    ]
    print(table(["", "health answers", "first page seen", "MB"], rows))
    print(f"\nthe dashboard takes {ratio.words()} times as long as the least app")
    write_out(options.out, {"machine": at} | {name: [asdict(s) for s in starts] for name, starts in found.items()})


if __name__ == "__main__":
    main()
