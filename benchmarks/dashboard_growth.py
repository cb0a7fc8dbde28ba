"""How the dashboard's work grows with the number of runs (10 to 10,000) and of rounds (5 to 100).

Seconds of processor time that the reading and the pages' scripts take, with the exponent of a power law that is fitted
to them: 0 is constant, 1 is proportional. A cost that is first constant and then proportional has an exponent between.

    python -m benchmarks.dashboard_growth
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.growth import exponent
from benchmarks.growth_picture import Pane, Style, picture
from benchmarks.many_runs import make_home
from benchmarks.measuring import machine, machine_words, table, write_out
from benchmarks.pictures import write_png
from cu_core.base.home import Home
from cu_core.jobs.submission import work_waiting
from cu_core.runstore.index import list_runs
from cu_core.runstore.layout import run_ids
from cu_core.runstore.rows import read_row
from cu_core.runstore.usage import count

RUNS = (10, 100, 1000, 10000)
ROUNDS = (5, 20, 50, 100)
FEW_ROUNDS, FEW_RUNS = 5, 6
FIRST, AGAIN = "first look", "again"
PAGES = {"run": "#0072b2", "drift": "#d55e00", "confidence": "#009e73", "signals": "#cc79a7"}
STYLES = {
    "list of runs": Style("#000000"),
    "list without index": Style("#666666", "dash"),
    "watch for waiting runs": Style("#e69f00"),
    "disk use, counted again": Style("#56b4e9"),
    "Runs": Style("#0072b2"),
    "Run": Style("#d55e00"),
    "Compare, 30 runs": Style("#009e73"),
    "Sweep": Style("#cc79a7"),
    **{f"{page}, {FIRST}": Style(colour) for page, colour in PAGES.items()},
    **{f"{page}, {AGAIN}": Style(colour, "dash") for page, colour in PAGES.items()},
}


def seconds_of(work: Callable[[], Any], repeats: int) -> float:
    """Median processor seconds of this process, of some calls after a first one that is not counted."""
    work()
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def opened(page: str, **query: str) -> Callable[[], Any]:
    """Opening a page in a new session, without a browser."""
    from tests.pages.page_helpers import open_page  # noqa: PLC0415 - reads CU_HOME

    return lambda: open_page(f"{page}.py", **query)


def over_runs(home: Home, repeats: int) -> dict[str, float]:
    """Seconds of everything that looks at all runs."""
    os.environ["CU_HOME"] = str(home.root)
    _, known = count(home, {})
    ids = run_ids(home.runs)
    some = ids[:: max(1, len(ids) // 100)]
    by_directory = seconds_of(lambda: [read_row(home.runs / run_id) for run_id in some], 1) * len(ids) / len(some)
    return {
        "list of runs": seconds_of(lambda: list_runs(home), repeats),
        "list without index": by_directory,
        "watch for waiting runs": seconds_of(lambda: work_waiting(home), repeats),
        "disk use, counted again": seconds_of(lambda: count(home, known), repeats),
        "Runs": seconds_of(opened("runs"), repeats),
        "Run": seconds_of(opened("run", run="many-00001"), repeats),
        "Compare, 30 runs": seconds_of(opened("compare", group="sweep-0"), repeats),
        "Sweep": seconds_of(opened("sweep"), repeats),
    }


def over_rounds(home: Home, repeats: int) -> dict[str, float]:
    """Seconds of the pages about one run; the first look at a run reads every recorded byte."""
    os.environ["CU_HOME"] = str(home.root)
    found: dict[str, float] = {}
    for page in PAGES:
        opened(page, run="many-00000")()
        first = []
        for number in range(1, FEW_RUNS):
            began = time.process_time()
            opened(page, run=f"many-{number:05d}")()
            first.append(time.process_time() - began)
        found[f"{page}, {FIRST}"] = statistics.median(first)
        found[f"{page}, {AGAIN}"] = seconds_of(opened(page, run="many-00001"), repeats)
    return found


def lines(found: dict[int, dict[str, float]]) -> list[list[str]]:
    """One line per cost: seconds at each size, the exponent over all and over the last step."""
    sizes = list(found)
    rows = []
    for name in found[sizes[0]]:
        values = [found[size][name] for size in sizes]
        last = exponent(sizes[-2:], values[-2:])
        rows.append([name, *(f"{value:.3f}" for value in values), f"{exponent(sizes, values):.2f}", f"{last:.2f}"])
    return rows


def pane(name: str, found: dict[int, dict[str, float]]) -> Pane:
    """What was found as a pane of the picture."""
    sizes = list(found)
    return Pane(name, sizes, {cost: [found[size][cost] for size in sizes] for cost in found[sizes[0]]})


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=RUNS, help="numbers of runs, of five rounds each")
    parser.add_argument("--rounds", type=int, nargs="+", default=ROUNDS, help="numbers of rounds, of six runs each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path, help="draw it as PNG")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    at = machine(torch.device("cpu"))
    by_runs, by_rounds = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for runs in sorted(options.runs):
            home = Home(Path(scratch) / f"runs-{runs}")
            make_home(home, runs, FEW_ROUNDS, audited=0)
            by_runs[runs] = over_runs(home, options.repeats)
        for rounds in sorted(options.rounds):
            home = Home(Path(scratch) / f"rounds-{rounds}")
            make_home(home, FEW_RUNS, rounds, audited=0)
            by_rounds[rounds] = over_rounds(home, options.repeats)
    print(machine_words(at))
    print(f"processor seconds, median of {options.repeats}\n")
    ends = ["exponent", "of the last step"]
    print(table([f"runs of {FEW_ROUNDS} rounds", *map(str, by_runs), *ends], lines(by_runs)))
    print()
    print(table(["rounds of one run", *map(str, by_rounds), *ends], lines(by_rounds)))
    write_out(options.out, {"machine": at, "runs": by_runs, "rounds": by_rounds})
    if options.picture is not None:
        panes = [pane("runs", by_runs), pane("rounds of one run", by_rounds)]
        write_png(picture(panes, STYLES, "processor seconds"), options.picture)


if __name__ == "__main__":
    main()
