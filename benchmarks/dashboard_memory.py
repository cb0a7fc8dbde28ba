"""Whether the server's memory grows with the pages that it has shown.

Every visit is a new session over a real connection to a page of a home with a thousand runs, in turn of all kinds and
each of another run. The first visits fill caches of fixed size; what counts is the slope of the visits after them.

    python -m benchmarks.dashboard_memory --visits 1000
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import machine, machine_words, table, write_out
from benchmarks.visits import ALL, query_of, resident, serving, tab_of
from tests.served import Server

# As many sessions are kept for people who come back at once; before that many visits memory must grow.
SESSIONS_KEPT = 128
STRIDE = 37


async def visit_all(server: Server, visits: int, every: int, runs: int) -> list[tuple[int, float]]:
    """(visits so far, MB) before the first visit and after every few.

    Raises:
        AssertionError: a page shows an exception.
    """
    found = [(0, resident(server))]
    for number in range(visits):
        page = ALL[number % len(ALL)]
        async with tab_of(server.url, page, query_of(page, number * STRIDE, runs)) as tab:
            await tab.until(lambda t: t.runs > 0, 300.0)
            if problems := tab.errors():
                raise AssertionError(f"{page}: {problems}")
        if (number + 1) % every == 0:
            found.append((number + 1, resident(server)))
            print(f"{found[-1][0]} visits: {found[-1][1]:.0f} MB", file=sys.stderr, flush=True)
    return found


def slope(found: list[tuple[int, float]], after: int) -> tuple[float, float]:
    """MB per 100 visits with its standard error, by least squares over what was measured from `after` visits on."""
    late = np.array([pair for pair in found if pair[0] >= after], float)
    (line, _), covariance = np.polyfit(late[:, 0] / 100, late[:, 1], 1, cov="unscaled")
    rest = late[:, 1] - np.polyval((line, _), late[:, 0] / 100)
    return float(line), float(np.sqrt(covariance[0, 0] * (rest**2).sum() / max(len(late) - 2, 1)))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--visits", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50, help="visits between two looks at the memory")
    parser.add_argument("--warm-up", type=int, default=300, help="visits that the slope leaves out")
    parser.add_argument("--folder", type=Path, help="holds a home of an earlier call, or takes the new one")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    at = machine(torch.device("cpu"))
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(options.folder or Path(scratch), options.runs, options.rounds) as server,
    ):
        began = time.perf_counter()
        found = asyncio.run(visit_all(server, options.visits, options.every, options.runs))
        seconds = time.perf_counter() - began
    grows, error = slope(found, min(options.warm_up, options.visits // 2))
    print(machine_words(at))
    print(
        f"{options.runs} runs x {options.rounds} rounds; {options.visits} visits in {seconds:.0f} s, of {len(ALL)} "
        f"kinds of page in turn, each in a session of its own; up to {SESSIONS_KEPT} ended sessions are kept"
    )
    shown = found[:: max(1, len(found) // 10)]
    print(table(["visits", *(str(n) for n, _ in shown)], [["MB", *(f"{size:.0f}" for _, size in shown)]]))
    print(f"after {options.warm_up} visits: {grows:+.2f} ± {error:.2f} MB per 100 visits (slope ± standard error)")
    write_out(
        options.out,
        {"machine": at, "runs": options.runs, "rounds": options.rounds, "megabytes": found, "seconds": seconds,
         "slope_per_100": grows, "standard_error": error},
    )  # fmt: skip


if __name__ == "__main__":
    main()
