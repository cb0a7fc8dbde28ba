"""What the weights of gradient-penalty unlearning buy and cost: ordinary runs over a grid, one table at the end.

    .venv/bin/python -m benchmarks.penalty_sweep --dataset digits --forget fraction:0.2 \\
        --method gradient_penalty_members --grid variant=two_sided,zero_centered --grid alpha=0,0.1,1 \\
        --grid beta=1,10 --grid seed=0-2

All options of ``python -m cu_core run`` say what the runs have in common, ``--grid`` what they differ in. Every
point is a run of its own in the usual home (``CU_HOME``), where the dashboard shows it, and all share one base
model per seed. A sweep that was interrupted goes on where it stopped: finished points are read, not run again.

The trade-off is that between two columns: what accuracy on unseen samples falls by, and how well a membership
attack that was fitted on the unlearned model itself still does (AUC; 0.5 is guessing). The points that no other one
beats in both are marked. Means over seeds; the CSV file has every run and every metric.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cu_core.base.csv_cells import csv_text
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.files import write_atomically
from cu_core.base.home import Home, default_home
from cu_core.catalogue.grid import expand, parse_axis
from cu_core.catalogue.spec import RunSpec
from cu_core.cli.arguments import add_spec_arguments, read_spec
from cu_core.cli.output import print_table
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs.progress_bar import ProgressBar
from cu_core.jobs.submission import resume_here, submit
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, open_run

Row = dict[str, Any]

# Columns of a row between its run and this one say what was run; runs that differ in the seed alone are one point.
FIRST_OUTCOME = "rounds"
# Column of the table: metric of the runs, and which digits of it matter.
SHOWN = {
    "lost": "lost.test_acc",
    "forget": "after.forget_acc",
    "unseen": "after.test_acc",
    "top1 f": "after.forget_top1",
    "top1 u": "after.unseen_top1",
    "cos f": "after.forget_two_view",
    "cos u": "after.unseen_two_view",
}


def points(base: RunSpec, grid: Sequence[str]) -> list[RunSpec]:
    """The runs of a sweep.

    Args:
        base: what they have in common.
        grid: texts such as ``alpha=0.1,1``.

    Raises:
        BadInput: an unknown setting or a value that it cannot have.
    """
    axes = {}
    for text in grid:
        name, equals, values = text.partition("=")
        if not equals:
            raise BadInput("--grid", f"{text!r} is not NAME=V1,V2", ("alpha=0.1,1", "seed=0-2"))
        axes[name.strip()] = parse_axis(values)
    return expand(base, axes) if axes else [base]


def done(spec: RunSpec, home: Home, bar: ProgressBar) -> RunView:
    """The finished run of a specification; run here unless it exists.

    Args:
        spec: what to run.
        home: where runs live.
        bar: draws the progress.
    """
    run_id = submit(spec, home, token=f"sweep/{spec.content_hash()}", foreground=True)
    view = open_run(home, run_id)
    if view.state != "succeeded":
        number = 1 if view.state == "starting" else resume_here(home, run_id)
        attempt = _Shown.claim(home, run_id, number)
        assert isinstance(attempt, _Shown)
        attempt.bar = bar
        run_attempt(attempt, execute)
        bar.close()
    return open_run(home, run_id)


class _Shown(Attempt):
    bar: ProgressBar

    def event(self, phase: str, done: int, total: int, *details: Any, **named: Any) -> None:
        super().event(phase, done, total, *details, **named)
        self.bar.event({"phase": phase, "done": done, "total": total, "message": named.get("message", "")})


def row_of(view: RunView) -> Row:
    """One run as a flat row: its point, how it ended, metrics before and after, attacks.

    Columns are ``before.M``, ``after.M`` and ``lost.M`` (before minus after) for every metric M, and
    ``ATTACK.MODEL.WAY.auc`` and ``.accuracy`` for every attack, model and way of fitting it.
    """
    result, spec = view.result(), view.spec
    assert result is not None
    row: Row = {"run": view.run_id, "seed": spec.seed, "dataset": spec.data.dataset, "model": spec.model.backbone}
    row |= {"objective": spec.train.objective, "forget": spec.forget.select, "method": spec.method.id}
    row |= vars(spec.method.params) | {FIRST_OUTCOME: result["rounds"], "stopped_by": result["stopped_by"]}
    before, after = result["metrics"]["before"], result["metrics"]["after"]
    for name in after:
        row |= {f"before.{name}": before.get(name), f"after.{name}": after[name]}
        if before.get(name) is not None and after[name] is not None:
            row[f"lost.{name}"] = before[name] - after[name]
    for attack, models in (result.get("attacks") or {}).items():
        for model, ways in models.items():
            for way, measured in ways.items():
                for what in ("auc", "accuracy"):
                    row[f"{attack}.{model}.{way}.{what}"] = measured[what][0]
    return row


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Writes all rows with the union of their columns."""
    content = csv_text(pd.DataFrame(rows, dtype=object)).encode()
    write_atomically(path, lambda file: file.write(content) and None)


def summary(rows: Sequence[Row], attack: str) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table: one line per point, means over its runs, best attack result first.

    Args:
        rows: as `row_of` makes them.
        attack: whose AUC and accuracy are shown, before unlearning and afterwards transferred and re-fitted.
    """
    shown = SHOWN | {
        f"{what} {title}": f"{attack}.{model}.{way}.{what}"
        for what in ("auc", "accuracy")
        for title, model, way in (
            ("before", "before", "refitted"),
            ("transferred", "after", "transferred"),
            ("re-fitted", "after", "refitted"),
        )
    }
    settings = {name: None for row in rows for name in itertools.takewhile(lambda name: name != FIRST_OUTCOME, row)}
    varied = [n for n in settings if n not in ("run", "seed") and len({row.get(n) for row in rows}) > 1]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in varied), []).append(row)
    means = {
        point: {title: _mean(r.get(name) for r in some) for title, name in shown.items()}
        for point, some in groups.items()
    }
    best = _unbeaten(means)
    order = sorted(means, key=lambda point: (means[point]["auc re-fitted"] is None, means[point]["auc re-fitted"]))
    lines = []
    for point in order:
        values = [_value(value) for value in (*point, len(groups[point]), *means[point].values())]
        lines.append([*values, "*" if point in best else ""])
    return [*varied, "runs", *shown, ""], lines


def _unbeaten(means: dict[tuple[Any, ...], dict[str, float | None]]) -> set[tuple[Any, ...]]:
    """Points of which no other one loses less and withstands the re-fitted attack better."""
    known = {
        point: (lost, abs(auc - 0.5))
        for point, m in means.items()
        if (lost := m["lost"]) is not None and (auc := m["auc re-fitted"]) is not None
    }
    return {
        point
        for point, (lost, advantage) in known.items()
        if not any(a <= lost and b <= advantage and (a, b) != (lost, advantage) for a, b in known.values())
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _value(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(words: Sequence[str] | None = None) -> int:
    """Runs what is missing, writes the CSV file after every point, prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Accuracy against membership attacks over a grid of settings.")
    add_spec_arguments(parser)
    parser.add_argument(
        "--grid", action="append", default=[], metavar="NAME=V1,V2", help="one run per value; repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("penalty_sweep.csv"), help="CSV file, written anew")
    parser.add_argument("--attack", default="loss", help="attack in the table, e.g. loss or encoder_mi_t")
    options = parser.parse_args(words)
    rows: list[Row] = []
    try:
        home = default_home()
        specs = points(read_spec(options, home), options.grid)
        bar = ProgressBar()
        for number, spec in enumerate(specs, 1):
            print(f"{number} of {len(specs)}: {spec.title}, seed {spec.seed}", file=sys.stderr)
            view = done(spec, home, bar)
            if view.state == "cancelled":
                return 1
            if view.result() is None:
                print(f"{view.state}: {(view.error or {}).get('message', 'no reason recorded')}", file=sys.stderr)
                continue
            rows.append(row_of(view))
            write_csv(rows, options.out)
    except UnlearnscopeError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print_table(*summary(rows, options.attack))
    return 0 if len(rows) == len(specs) else 1


if __name__ == "__main__":
    sys.exit(main())
