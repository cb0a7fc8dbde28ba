"""How often the verdict accuses models that were truly retrained: with unused seeds, on the tasks of the liars.

    .venv/bin/python -m benchmarks.true_retrains --seeds 0 1 2 --each 20 --out retrains.json
    .venv/bin/python -m benchmarks.true_retrains --out retrains.json --print

Of the models of a task the first third is judged beside the references of the first base seed, and so on. Exits with 1
where more than one in ten is accused.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.kept_rows import add_row_arguments, keep_rows, kept_rows, print_machine
from benchmarks.liars.scene import Scene
from benchmarks.liars.tasks import DIGIT_TASKS, TASKS
from benchmarks.liars_bench import Row, row_of
from benchmarks.measuring import machine, table
from cu_core.base.home import Home
from cu_core.catalogue.question_record import DIFFERS, QUESTIONS, STATES

UNUSED = 1000
"""First seed of models that are judged; references have the base seed and those after it."""
MOST_ACCUSED = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing, prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=[t.id for t in DIGIT_TASKS])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--each", type=int, default=20, help="models per task")
    add_row_arguments(parser)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = kept_rows(options.out)
    if not options.print:
        found["machine"] = machine(torch.device("cpu"))
        home = Home(options.home.resolve()).create()
        for task in options.tasks:
            _work(found, task, options.seeds, options.each, home, options.out)
    print(summary(found["rows"]))
    print_machine(found)
    accused = sum(row["state"] == DIFFERS for row in found["rows"])
    return 1 if accused > MOST_ACCUSED * len(found["rows"]) else 0


def _work(found: Row, task: str, seeds: Sequence[int], each: int, home: Home, out: Path) -> None:
    done = {(row["task"], row["model"]) for row in found["rows"]}
    scene, of = None, None
    for number in range(each):
        model, seed = UNUSED + number, seeds[number * len(seeds) // each]
        if (task, model) in done:
            continue
        if scene is None or of != seed:
            scene, of = Scene(TASKS[task].spec(seed), home), seed
        row = {"task": task, "seed": seed, "model": model} | row_of(scene.judge(scene.retrained(model)))
        found["rows"].append(row)
        keep_rows(found, out)
        told = ", ".join(f"{name} ({row['directions'][name]}, p {row['p'][name]})" for name in row["told_by"])
        print(task, seed, model, row["state"], told, flush=True)


def summary(rows: Sequence[Row]) -> str:
    """Markdown tables: states by task, and which questions accuse."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    groups = [(TASKS[task].title, [row for row in rows if row["task"] == task]) for task in tasks] + [("all", rows)]
    states = [[title, len(some), *(sum(r["state"] == s for r in some) for s in STATES)] for title, some in groups]
    asked = [name for name in QUESTIONS if any(name in row["states"] for row in rows)]
    questions = [
        [QUESTIONS[name].title, *(sum(row["states"].get(name) == state for row in rows) for state in STATES)]
        for name in asked
    ]
    accused = sum(row["state"] == DIFFERS for row in rows)
    return "\n\n".join(
        (
            table(["task", "models", *(s.lower() for s in STATES.values())], states),
            table(["question", *(s.lower() for s in STATES.values())], questions),
            f"Accused: {accused} of {len(rows)} ({accused / max(len(rows), 1):.1%}).",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
