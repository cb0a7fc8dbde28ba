"""Whether the verdict sees liars: every liar of `benchmarks.liars` on every task and base seed, and what is said of it.

    .venv/bin/python -m benchmarks.liars_bench --seeds 0 1 2 --out liars.json
    .venv/bin/python -m benchmarks.liars_bench --tasks emoji-class emoji-random --seeds 0 --out liars.json
    .venv/bin/python -m benchmarks.liars_bench --cifar folder:PATH --seeds 0 --out liars.json
    .venv/bin/python -m benchmarks.liars_bench --out liars.json --print

Questions and liars were developed with base seeds 10 to 12; numbers are reported with 0 to 2. Goes on where it stopped
when called again with the same file; models are kept in `CU_HOME`. Exits with 1 where a liar that has to be told is
not, or where no difference is found to any.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.kept_rows import add_row_arguments, keep_rows, kept_rows, print_machine
from benchmarks.liars import LIARS
from benchmarks.liars.liar_record import Liar
from benchmarks.liars.scene import Scene
from benchmarks.liars.tasks import DIGIT_TASKS, TASKS, Task, cifar
from benchmarks.measuring import machine, table
from cu_core.base.home import Home
from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE

Row = dict[str, Any]
SIGNS = {DIFFERS: "**differs**", CANNOT_TELL: "cannot tell", NO_DIFFERENCE: "no difference"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing, prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=[t.id for t in DIGIT_TASKS])
    parser.add_argument("--cifar", default="", help="CIFAR-10 as folder:PATH; then that instead of the tasks")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--liars", nargs="*", choices=list(LIARS), default=list(LIARS))
    add_row_arguments(parser)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = kept_rows(options.out)
    if not options.print:
        found["machine"] = machine(torch.device("cpu"))
        tasks = [TASKS[name] for name in options.tasks]
        if options.cifar:
            tasks = [Task("cifar", "CIFAR-10, dogs", lambda seed: cifar(seed, options.cifar), False)]
        home = Home(options.home.resolve()).create()
        for task in tasks:
            for seed in options.seeds:
                _work(found, task, seed, [LIARS[name] for name in options.liars], home, options.out)
    print(summary(found["rows"]))
    print_machine(found)
    return 1 if failures(found["rows"]) else 0


def _work(found: Row, task: Task, seed: int, liars: Sequence[Liar], home: Home, out: Path) -> None:
    done = {(row["task"], row["seed"], row["liar"]) for row in found["rows"]}
    scene = None
    for liar in liars:
        if (task.id, seed, liar.id) in done:
            continue
        scene = scene or Scene(task.spec(seed), home)
        if scene.setup.forget.task not in liar.tasks:
            continue
        began = time.perf_counter()
        handed = liar.pretend(scene)
        verdict = scene.judge(handed.live, handed.stored)
        found["rows"].append({"task": task.id, "seed": seed, "liar": liar.id} | row_of(verdict))
        keep_rows(found, out)
        row = found["rows"][-1]
        told = ", ".join(f"{name} ({row['directions'][name]})" for name in row["told_by"])
        print(task.id, seed, liar.id, row["state"], told, f"{time.perf_counter() - began:.1f} s", flush=True)


def row_of(verdict: Row) -> Row:
    """What a table needs of a verdict."""
    claims = [c for c in verdict["claims"] if c["applies"]]
    return {
        "state": verdict["state"],
        "references": verdict["references"],
        "states": {c["id"]: c["state"] for c in claims},
        "p": {c["id"]: c["p"] for c in claims},
        "directions": {c["id"]: c["direction"] for c in claims},
        "tests": {f"{c['id']}/{t['id']}": t["p"] for c in claims for t in c["tests"]},
        "told_by": [c["id"] for c in claims if c["state"] == DIFFERS],
    }


def failures(rows: Sequence[Row]) -> list[str]:
    """What does not hold, in words."""
    wrong = []
    for row in rows:
        name = f"{row['liar']} on {row['task']}, seed {row['seed']}"
        must = row["task"] in TASKS and TASKS[row["task"]].told
        if row["state"] == NO_DIFFERENCE:
            wrong.append(f"{name}: no difference found")
        elif must and row["state"] != DIFFERS:
            wrong.append(f"{name}: {row['state']}")
        elif must and not set(row["told_by"]) & set(LIARS[row["liar"]].fits):
            wrong.append(f"{name}: told by {', '.join(row['told_by'])}, not by {' or '.join(LIARS[row['liar']].fits)}")
    return wrong


def summary(rows: Sequence[Row]) -> str:
    """A Markdown table of liars by tasks: on how many seeds each was told, and by which questions."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    lines = []
    for liar in LIARS.values():
        line = [liar.title]
        for task in tasks:
            mine = [row for row in rows if row["task"] == task and row["liar"] == liar.id]
            line.append(_cell(mine))
        lines.append(line)
    titles = [TASKS[task].title if task in TASKS else "CIFAR-10, a class" for task in tasks]
    wrong = failures(rows)
    lasting = "\n".join(f"- {words}" for words in wrong) if wrong else "Every liar that has to be told is told."
    return f"{table(['liar', *titles], lines)}\n\n{lasting}\n"


def _cell(rows: Sequence[Row]) -> str:
    if not rows:
        return "–"
    told = [row for row in rows if row["state"] == DIFFERS]
    cleared = sum(row["state"] == NO_DIFFERENCE for row in rows)
    by = list(dict.fromkeys(name for row in told for name in row["told_by"]))
    by.sort(key=lambda name: -sum(name in row["told_by"] for row in told))
    words = f"{len(told)}/{len(rows)}" + (f": {', '.join(by)}" if by else "")
    return words + (f" ({cleared} **no difference found**)" if cleared else "")


if __name__ == "__main__":
    sys.exit(main())
