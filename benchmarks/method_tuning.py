"""Chooses starting values of the unlearning methods for a small network: every candidate, judged by tug of war.

One base model and one reference are trained; every candidate then unlearns the same samples under the same stopping
rule. Candidates are runs like any other, in a home of their own, so that an interrupted search goes on where it was.
Values are chosen on other images and another seed than they are reported with:

    python -m benchmarks.method_tuning --dataset folder:PATH --model resnet8 --forget class:5 --seed 10 --home HOME
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from cu_core.base.home import Home
from cu_core.catalogue.compatibility import why_not_method
from cu_core.catalogue.method_record import method
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, open_run

Axes = Mapping[str, Sequence[Any]]

CANDIDATES: dict[str, Axes] = {
    "contrastive": {"lr": (0.01, 0.02), "unlearn_weight": (0.3, 0.5, 1.0), "retain_batches": (1,)},
    "contrastive_queue": {"lr": (0.003, 0.01, 0.02), "unlearn_weight": (1.0,), "retain_batches": (1,)},
    "gradient_ascent": {"lr": (0.001, 0.003, 0.01, 0.03, 0.1)},
    "boundary_shrink": {"lr": (3e-5, 1e-4, 1e-3, 5e-3)},
    "boundary_expanding": {"lr": (1e-4, 1e-3, 5e-3)},
    "ssd": {"alpha": (3.0, 10.0, 30.0, 100.0, 300.0)},
    "bad_teacher": {"lr": (3e-4, 1e-3)},
    "neggrad_plus": {"lr": (0.01,), "alpha": (0.8, 0.95, 0.99)},
    "random_label": {"lr": (0.003, 0.01)},
    "salun": {"lr": (0.005, 0.013)},
    "scrub": {"lr": (0.0005, 0.002, 0.01), "msteps": (2,), "forget_batch": (64,)},
    "unsir": {"impair_lr": (0.0005, 0.002, 0.01), "repair_lr": (0.005,)},
    "fisher": {"alpha": (1e-8, 1e-7), "samples": (500,)},
    "cf_k": {"k": (2,), "lr": (0.01, 0.05)},
    "finetune": {"lr": (0.03, 0.1)},
    "l1_finetune": {"lr": (0.03,), "alpha": (1e-4, 5e-4)},
}
"""Method to axes of hyper-parameters: a few values each, those around which the method begins to forget at all."""

NUMBERS = ("forget_acc", "retain_acc", "test_acc", "test_acc_forgotten", "test_acc_retained", "probe_recovery")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the search and writes a CSV table to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--model", default="resnet8")
    parser.add_argument("--train-limit", type=int, default=0)
    parser.add_argument("--forget", required=True, nargs="+")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--methods", nargs="*", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--home", required=True, type=Path)
    options = parser.parse_args(arguments)
    home = Home(options.home.resolve()).create()
    table = csv.writer(sys.stdout)
    table.writerow(["method", "forget", "values", "tow", *NUMBERS, "reference_forget_acc", "rounds", "stopped_by", "s"])
    for select in options.forget:
        for name in options.methods:
            for values in candidates(name):
                spec = spec_of(options, select, name, values)
                if why_not_method(method(name), spec.task):
                    break
                table.writerow(_row(name, select, values, perform(spec, home)))
                sys.stdout.flush()
    return 0


def candidates(name: str) -> list[dict[str, Any]]:
    """All combinations of a method's axes."""
    axes = CANDIDATES[name]
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def spec_of(options: argparse.Namespace, select: str, name: str, values: Mapping[str, Any]) -> RunSpec:
    """The run of one candidate: little is recorded, nothing is attacked."""
    record = method(name)
    return spec_from_json(
        {
            "data": {"dataset": options.dataset, "train_limit": options.train_limit},
            "model": {"backbone": options.model},
            "train": vars(recipe(options.dataset, options.model)),
            "forget": {"select": select},
            "method": {"id": name, "params": dict(values)},
            "stop": {"max_rounds": 0 if record.starts_anew or record.one_shot else options.rounds},
            "probe": {"size": 60, "tsne": False},
            "audit": {"attacks": "none"},
            "seed": options.seed,
            "reference": 1,
            "device": "cpu",
            "group": "tuning",
        }
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


def _row(name: str, select: str, values: Mapping[str, Any], view: RunView) -> list[Any]:
    result = view.result()
    told = " ".join(f"{key}={value:g}" for key, value in values.items())
    if result is None:
        return [name, select, told, "", *[""] * len(NUMBERS), "", "", view.state, ""]
    after = result["metrics"]["after"]
    return [
        name,
        select,
        told,
        f"{result['tow']['value']:.4f}",
        *("" if after.get(n) is None else f"{after[n]:.4f}" for n in NUMBERS),
        f"{result['metrics']['reference']['forget_acc']:.4f}",
        result["rounds"],
        result["stopped_by"],
        f"{result['seconds']['unlearn']:.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
