"""The results by three commands: compute the runs, keep their numbers, write the page.

    .venv/bin/python -m benchmarks.results compute --home HOME --dataset folder:cifar10.zip
    .venv/bin/python -m benchmarks.results keep --home HOME
    .venv/bin/python -m benchmarks.results docs

The first goes on where it was stopped or killed when it is called again, and says what is left with ``--list``. The
second reads what has finished by then. The third needs neither runs nor images.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import table
from benchmarks.results.kept_numbers import KEPT, keep, kept_places, read_kept
from benchmarks.results.result_page import PAGE, write_page
from benchmarks.results.result_plan import BEST, CORE, LARGER, PARTS, Place, Step, Study, steps
from benchmarks.results.result_queue import compute, run_of, stored_study
from benchmarks.results.result_rows import best_methods
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.files import read_json
from cu_core.base.home import Home


def main(words: Sequence[str] | None = None) -> int:
    """Does one of the commands; returns the exit code."""
    options = _parser().parse_args(words)
    try:
        return int(options.command(options))
    except (UnlearnscopeError, FileNotFoundError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    usual = Study("")
    made = commands.add_parser("compute", help="make the runs that are missing")
    made.set_defaults(command=_compute)
    made.add_argument("--home", type=Path, required=True, help="where runs and models live")
    made.add_argument("--dataset", required=True, help="images, e.g. folder:cifar10.zip")
    made.add_argument("--hours", type=float, help="ends after so long; the next call goes on")
    made.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts of the queue")
    made.add_argument("--workers", type=int, default=2, help="processes side by side")
    made.add_argument("--threads", type=int, default=1, help="of each process")
    made.add_argument("--retry", action="store_true", help="try runs that failed once more")
    made.add_argument("--list", action="store_true", help="say what there is to do, and do nothing")
    made.add_argument("--model", default=usual.model, help="network of the methods")
    made.add_argument("--larger", default=usual.larger, help="network on which the best are repeated")
    made.add_argument("--methods", nargs="+", default=[], help="only these")
    made.add_argument("--tasks", nargs="+", default=list(usual.tasks), help="forget sets")
    made.add_argument("--seeds", type=int, nargs="+", default=list(usual.seeds))
    made.add_argument("--rounds", type=int, default=usual.rounds, help="most rounds of a method")
    made.add_argument("--references", type=int, default=usual.references, help="retrained models beside each run")
    made.add_argument("--cap", type=float, default=usual.cap, help="processor minutes that a run's rounds may take")
    made.add_argument("--precision", default=usual.precision, choices=("auto", "fp32", "bf16"))
    made.add_argument("--epochs", type=int, help="of training, instead of the recipe's")
    made.add_argument("--again", action="store_true", help="make runs whose numbers are kept already, too")
    made.add_argument("--scale", default=usual.scale, help="of the encoders' tables")
    kept = commands.add_parser("keep", help="keep the numbers of finished runs in a small file")
    kept.set_defaults(command=_keep)
    kept.add_argument("--home", type=Path, required=True)
    kept.add_argument("--growth", type=Path, help="what benchmarks.growth has written")
    kept.add_argument("--replace", action="store_true", help="even if the file holds numbers of another study")
    written = commands.add_parser("docs", help="write the page from the kept numbers alone")
    written.set_defaults(command=_docs)
    written.add_argument("--page", type=Path, default=PAGE)
    written.add_argument("--picture", action="store_true", help="draw the trade-off, too; needs a headless Chromium")
    for command in (made, kept, written):
        command.add_argument("--kept", type=Path, default=KEPT, help="file of the numbers")
    return parser


def _study(options: argparse.Namespace) -> Study:
    return Study(
        dataset=options.dataset,
        model=options.model,
        larger=options.larger,
        tasks=tuple(options.tasks),
        seeds=tuple(options.seeds),
        rounds=options.rounds,
        references=options.references,
        cap=options.cap,
        methods=tuple(options.methods),
        train={"epochs": options.epochs} if options.epochs else {},
        scale=options.scale,
        precision=options.precision,
    )


def _compute(options: argparse.Namespace) -> int:
    home, study = Home(options.home), _study(options)
    deadline = None if options.hours is None else time.monotonic() + 3600 * options.hours
    complete = True
    for part in PARTS:
        if part not in options.only:
            continue
        plan = _plan(home, study, part, set() if options.again else kept_places(options.kept, study))
        if options.list:
            _tell(home, part, plan)
            continue
        complete = compute(
            home,
            study,
            plan,
            workers=options.workers,
            threads=options.threads,
            deadline=deadline,
            retry=options.retry,
        )
        if not complete:
            break
    return 0 if complete else 1


def _plan(home: Home, study: Study, part: str, known: set[Place]) -> list[Step]:
    """The steps of a part; which methods are best is known from what has been made by now."""
    if part != LARGER:
        return steps(study, part, known=known)
    best = best_methods(home, study, BEST)
    return steps(study, part, list(dict.fromkeys([*best, *CORE])), known) if best else []


def _tell(home: Home, part: str, plan: Sequence[Step]) -> None:
    runs = [step for step in plan if step.trains is None]
    views = [view for step in runs if (view := run_of(home, step.spec)) is not None]
    done = sum(view.state == "succeeded" for view in views)
    print(f"{part}: {len(plan) - len(runs)} models, {len(runs)} runs, {done} of them done")
    states = {view.state for view in views} - {"succeeded"}
    rows = [[state, sum(view.state == state for view in views)] for state in sorted(states)]
    if rows:
        print(table(["state", "runs"], rows))


def _keep(options: argparse.Namespace) -> int:
    home = Home(options.home)
    growth = read_json(options.growth) if options.growth else None
    kept = keep(home, stored_study(home), options.kept, growth, replace=options.replace)
    print(f"{len(kept['methods']['rows'])} runs of methods, {len(kept['encoders']['rows'])} of encoders kept")
    return 0


def _docs(options: argparse.Namespace) -> int:
    write_page(read_kept(options.kept), options.page, picture=options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
