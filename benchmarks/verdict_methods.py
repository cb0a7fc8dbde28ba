"""What the verdict says of the built-in methods on digits, each run with the values that it starts from.

    .venv/bin/python -m benchmarks.verdict_methods --out methods.json
    .venv/bin/python -m benchmarks.verdict_methods --out methods.json --print

Ordinary runs in `CU_HOME`, each finished once. Nothing was chosen by what the verdict says.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.kept_rows import add_row_arguments, keep_rows, kept_rows, print_machine
from benchmarks.liars.tasks import TASKS
from benchmarks.liars_bench import SIGNS, Row, row_of
from benchmarks.measuring import machine, table
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import why_not_method
from cu_core.catalogue.method_record import Method, methods_here
from cu_core.catalogue.question_record import DIFFERS
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, open_run

CHOSEN = ("class", "wrong-labels", "random")
SEED = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="*", choices=CHOSEN, default=list(CHOSEN))
    parser.add_argument("--methods", nargs="*", default=list(methods_here()))
    add_row_arguments(parser)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = kept_rows(options.out)
    if not options.print:
        found["machine"] = machine(torch.device("cpu"))
        home = Home(options.home.resolve()).create()
        done = {(row["task"], row["method"]) for row in found["rows"]}
        for name in options.methods:
            for task in options.tasks:
                spec = spec_of(task, methods_here()[name])
                if spec is not None and (task, name) not in done:
                    found["rows"].append({"task": task, "method": name} | _run(spec, home))
                    keep_rows(found, options.out)
                    row = found["rows"][-1]
                    print(task, name, row["state"], row.get("told_by"), row["seconds"], flush=True)
    print(summary(found["rows"]))
    print_machine(found)
    return 0


def spec_of(task: str, record: Method) -> RunSpec | None:
    """The run of a method on a task; None where it is not defined for it, or not for classifiers."""
    spec = TASKS[task].spec(SEED)
    if record.needs_shards:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, shards=4, slices=3))
    if why_not_method(record, spec.task, sharded=record.needs_shards):
        return None
    return dataclasses.replace(
        spec,
        method=MethodSpec(record.id, unlearning_recipe(record.id, "digits", "tiny-cnn", spec.task)),
        probe=ProbeSpec(size=600, tsne=False),
        audit=AuditSpec(attacks="none"),
        group="verdict-methods",
    )


def perform(spec: RunSpec, home: Home) -> RunView:
    """The finished run of a specification, made now unless it was made before."""
    run_id = submission.submit(spec, home, token=spec.content_hash(), foreground=True)
    view = open_run(home, run_id)
    if view.state != "succeeded":
        number = 1 if view.state == "starting" else submission.resume_here(home, run_id)
        run_attempt(Attempt.claim(home, run_id, number), execute)
        view = open_run(home, run_id)
    return view


def _run(spec: RunSpec, home: Home) -> Row:
    view = perform(spec, home)
    result: dict[str, Any] | None = view.result()
    if result is None:
        return {"state": view.state, "seconds": None}
    verdict = result["verdict"]
    after = {name: result["metrics"]["after"].get(name) for name in ("forget_acc", "retain_acc", "test_acc")}
    return row_of(verdict) | {"seconds": verdict["seconds"], "after": after, "stopped_by": result["stopped_by"]}


def summary(rows: Sequence[Row]) -> str:
    """A Markdown table of methods by tasks."""
    tasks = [task for task in CHOSEN if any(row["task"] == task for row in rows)]
    lines = []
    for name in dict.fromkeys(row["method"] for row in rows):
        cells = {row["task"]: _cell(row) for row in rows if row["method"] == name}
        lines.append([methods_here()[name].title, *(cells.get(task, "–") for task in tasks)])
    return table(["method", *(TASKS[task].title for task in tasks)], lines)


def _cell(row: Row) -> str:
    if row["state"] != DIFFERS:
        return SIGNS.get(row["state"], row["state"])
    return f"{SIGNS[DIFFERS]}: {', '.join(row['told_by'])}"


if __name__ == "__main__":
    sys.exit(main())
