"""How long a verdict takes beyond its references, and as a share of one retraining, in processor seconds.

    .venv/bin/python -m benchmarks.verdict_time --out time.json
    .venv/bin/python -m benchmarks.verdict_time --cifar folder:PATH --out time.json

On CIFAR-10 the base model is trained for one epoch on some of the images and stands for all models: what a verdict
costs depends neither on what they have learned nor on how many images there are. A retraining is that epoch, scaled to
the recipe's epochs and to all images. One thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.liars.tasks import TASKS
from benchmarks.measuring import machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.signal_pass import ClassifierPass
from cu_core.engine.verdict.verdict_phase import VerdictModels, verdict_on
from cu_core.learning.model_cache import Trained, trained_model
from cu_core.learning.weights import save_weights

SEED = 0
CIFAR_IMAGES = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=["class", "random", "wrong-labels"])
    parser.add_argument("--cifar", default="", help="CIFAR-10 as folder:PATH; then that instead of the tasks")
    parser.add_argument("--models", nargs="*", default=["resnet8"], help="networks on CIFAR-10")
    parser.add_argument("--images", type=int, default=5000, help="of CIFAR-10, trained on for one epoch")
    parser.add_argument("--times", type=int, default=3, help="the median is told")
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("CU_HOME", ".unlearnscope")))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = {"machine": machine(torch.device("cpu")), "rows": []}
    home = Home(options.home.resolve()).create()
    if options.cifar:
        for model in options.models:
            found["rows"].append(_cifar(options.cifar, model, options.images, options.times, home))
    else:
        for task in options.tasks:
            found["rows"].append(_digits(task, options.times, home))
    print(summary(found["rows"]))
    print(machine_words(found["machine"]))
    write_out(options.out, found)
    return 0


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table."""
    heads = ["task", "network", "references", "verdict, CPU s", "one retraining, CPU s", "verdict, in retrainings"]
    lines = [
        [
            row["task"],
            row["network"],
            row["references"],
            f"{row['verdict']:.1f}",
            f"{row['retraining']:,.1f}",
            f"{row['verdict'] / row['retraining']:.2g}",
        ]
        for row in rows
    ]
    return table(heads, lines)


def _digits(task: str, times: int, home: Home) -> dict[str, Any]:
    spec = TASKS[task].spec(SEED)
    setup = set_up(spec, home, lambda done, total, message: None)
    everything = np.arange(len(setup.data.train_labels))
    base = _trained(setup, home, everything, spec.train_seed)
    references = [_trained(setup, home, setup.retain, spec.train_seed + i) for i in range(spec.reference)]
    fresh = [_timed(lambda folder: _trained(setup, Home(folder).create(), setup.retain, SEED))[1] for _ in range(times)]
    return _row(TASKS[task].title, setup, [base, *references], times, float(np.median(fresh)))


def _timed(train: Callable[[Path], Trained]) -> tuple[Trained, float]:
    """What training makes in an empty home, and the processor seconds that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        made = train(Path(folder))
        return made, time.process_time() - began


def _cifar(source: str, model: str, images: int, times: int, home: Home) -> dict[str, Any]:
    train = recipe("cifar10", model)
    spec = RunSpec(
        data=DataSpec(source, train_limit=images),
        model=ModelSpec(model),
        train=dataclasses.replace(train, epochs=1),
        forget=ForgetSpec("random:500"),
        seed=SEED,
        reference=LEAST_REFERENCES,
        device="cpu",
    )
    setup = set_up(spec, home, lambda done, total, message: None)
    everything = np.arange(len(setup.data.train_labels))
    base, seconds = _timed(lambda folder: _trained(setup, Home(folder).create(), everything, SEED))
    retraining = seconds * train.epochs * (CIFAR_IMAGES - len(setup.forget.indices)) / images
    return _row("CIFAR-10, 500 random", setup, [base] * (1 + spec.reference), times, retraining)


def _trained(setup: RunSetup, home: Home, indices: np.ndarray, seed: int) -> Trained:
    return trained_model(
        setup.spec,
        setup.data,
        setup.train,
        indices,
        seed,
        home=home,
        device=setup.device,
        precision=setup.precision,
        on_epoch=lambda report: None,
    )


def _row(task: str, setup: RunSetup, models: Sequence[Trained], times: int, retraining: float) -> dict[str, Any]:
    signal_pass = ClassifierPass(setup)
    base, *references = (trained.model for trained in models)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "weights.pt"
        with stored.open("wb") as file:
            save_weights(file, base)
        asked = VerdictModels(base, base, references, stored, signal_pass.probe(base).logits)
        for _ in range(times):
            began = time.process_time()
            verdict_on(setup, asked, signal_pass)
            seconds.append(time.process_time() - began)
    return {
        "task": task,
        "network": setup.spec.model.backbone,
        "references": len(references),
        "verdict": float(np.median(seconds)),
        "retraining": retraining,
    }


if __name__ == "__main__":
    sys.exit(main())
