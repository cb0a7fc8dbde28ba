"""How many people can watch one live job: real connections that speak Streamlit's protocol, one server, one worker.

Every watcher opens the page of the same run by a cold link, as a browser does (`tests.streamlit_client`), follows it
through all its refreshes and stays until the page says that the run has succeeded and rests. Reported are what went
wrong (nothing should), how long after the run's end each page says so, and the memory of the server.

    python -m benchmarks.many_browsers --watchers 20
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import streamlit

from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import ensure_dispatcher
from cu_core.runstore.reader import open_run
from cu_core.runstore.state import FINAL
from tests.served import Server, serve
from tests.streamlit_client import Client, open_tab

SAMPLE_SECONDS = 0.2
PATIENCE = 280.0
GOOD = "succeeded]"


@dataclass
class Watched:
    """What one watcher saw.

    Attributes:
        opened: seconds from the request to the first whole page.
        noticed: unix time at which the page said that the run has succeeded; None if it never did.
        drawings: scripts that the server ran for it.
        received: bytes.
        errors: exceptions on the page, or why the connection broke.
    """

    opened: float = 0.0
    noticed: float | None = None
    drawings: int = 0
    received: int = 0
    errors: list[str] = field(default_factory=list)


async def watch(url: str, run_id: str, patience: float) -> Watched:
    """Follows a run's page until it says that the run has succeeded."""
    seen = Watched()
    begun = time.monotonic()
    tab: Client | None = None
    try:
        tab = await open_tab(url, "run", f"run={run_id}")
        await tab.drawn(patience)
        seen.opened = time.monotonic() - begun
        await tab.until(lambda page: GOOD in page.text() or bool(page.errors()), patience)
        seen.noticed = time.time() if GOOD in tab.text() else None
        # The page is drawn once more, with the results, and then leaves the server alone.
        await tab.until(lambda page: page.rests and "Before, after" in page.text() or bool(page.errors()), patience)
    except Exception as error:  # whatever ends a watcher is a finding, and the others go on
        seen.errors.append(f"{type(error).__name__}: {error}")
    if tab is not None:
        seen.errors += tab.errors()
        seen.drawings, seen.received = tab.runs, tab.received
        await tab.socket.close()
    return seen


class Memory(threading.Thread):
    """Samples the resident memory of a process, and knows its processor time."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self.now())

    def now(self) -> int:
        """Bytes at this moment."""
        return int(self.process.memory_info().rss)

    def worked(self) -> float:
        """Seconds of processor time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


async def crowd(server: Server, run_id: str, watchers: int, patience: float = PATIENCE) -> list[Watched]:
    """Lets many watch the same run at once."""
    return list(await asyncio.gather(*(watch(server.url, run_id, patience) for _ in range(watchers))))


def long_enough(epochs: int) -> RunSpec:
    """The default preset with a longer training, so that everybody has opened the page before it ends."""
    train = dataclasses.replace(DEFAULT_PRESET.spec.train, epochs=epochs)
    return dataclasses.replace(DEFAULT_PRESET.spec, train=train, name="watched")


def measure(watchers: int, epochs: int, patience: float) -> dict[str, Any]:
    """One job with its watchers on a fresh server, and once more, to see whether memory goes on growing."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        rounds = []
        for number in range(2):
            memory = Memory(server.process.pid)
            before, worked = memory.now(), memory.worked()
            memory.start()
            run_id = submission.submit(dataclasses.replace(long_enough(epochs), seed=number), server.home)
            ensure_dispatcher(server.home)
            seen = asyncio.run(crowd(server, run_id, watchers, patience))
            memory.ended.set()
            row = open_run(server.home, run_id).row()
            if row.state not in FINAL:
                raise SystemExit(f"The job is {row.state}; watchers left: {[s.errors for s in seen]}")
            delays = [max(0.0, s.noticed - (row.finished or 0.0)) for s in seen if s.noticed]
            rounds.append(
                {
                    "state": row.state,
                    "job_seconds": (row.finished or 0.0) - (row.started or 0.0),
                    "saw_it_end": sum(s.noticed is not None for s in seen),
                    "errors": [e for s in seen for e in s.errors],
                    "opened_median": statistics.median(s.opened for s in seen),
                    "opened_worst": max(s.opened for s in seen),
                    "delay_median": statistics.median(delays) if delays else None,
                    "delay_worst": max(delays, default=None),
                    "drawings": sum(s.drawings for s in seen),
                    "server_seconds": memory.worked() - worked,
                    "megabytes_each": statistics.mean(s.received for s in seen) / 1e6,
                    "rss_before_mb": before / 1e6,
                    "rss_peak_mb": memory.peak / 1e6,
                    "rss_after_mb": memory.now() / 1e6,
                }
            )
        log = server.log.read_text()
        return {
            "watchers": watchers,
            "cores": os.cpu_count(),
            "machine": platform.platform(),
            "python": platform.python_version(),
            "streamlit": streamlit.__version__,
            "jobs": rounds,
            "tracebacks_in_log": log.count("Traceback"),
        }


def table(found: dict[str, Any]) -> str:
    """The numbers as Markdown."""
    lines = {
        "saw the job end": lambda j: f"{j['saw_it_end']} of {found['watchers']}",
        "errors on pages and connections": lambda j: str(len(j["errors"])),
        "first whole page, median / worst": lambda j: f"{j['opened_median']:.1f} / {j['opened_worst']:.1f} s",
        "page says so after the end, median / worst": lambda j: _pair(j["delay_median"], j["delay_worst"]),
        "job": lambda j: f"{j['job_seconds']:.0f} s, {j['state']}",
        "drawings by the server": lambda j: f"{j['drawings']:,}",
        "processor time of the server": lambda j: (
            f"{j['server_seconds']:.1f} s, {1000 * j['server_seconds'] / max(j['drawings'], 1):.0f} ms a drawing"
        ),
        "received by each": lambda j: f"{j['megabytes_each']:.2f} MB",
        "memory of the server before / peak / after": lambda j: (
            f"{j['rss_before_mb']:.0f} / {j['rss_peak_mb']:.0f} / {j['rss_after_mb']:.0f} MB"
        ),
    }
    jobs = found["jobs"]
    rows = [f"| {name} | " + " | ".join(value(job) for job in jobs) + " |" for name, value in lines.items()]
    head = "| | " + " | ".join(f"job {n + 1}" for n in range(len(jobs))) + " |\n|---|" + "---|" * len(jobs)
    where = f"{found['watchers']} watchers, {found['cores']} cores, {found['machine']}, Python {found['python']}, "
    return (
        f"{where}Streamlit {found['streamlit']}; tracebacks in the server's log: {found['tracebacks_in_log']}\n\n"
        + "\n".join([head, *rows])
    )


def _pair(middle: float | None, worst: float | None) -> str:
    return "–" if middle is None or worst is None else f"{middle:.1f} / {worst:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=60, help="of training; lengthens the job")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds to wait for each thing on a page")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    options = parser.parse_args()
    found = measure(options.watchers, options.epochs, options.patience)
    print(table(found))
    for error in (error for job in found["jobs"] for error in job["errors"]):
        print(error)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
