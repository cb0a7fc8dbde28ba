"""What a shadow model of a deep audit costs, against a plain training by the same recipe, and a whole audit in seconds.

    .venv/bin/python -m benchmarks.deep_audit --shadows 64 --methods contrastive finetune

Digits, 100 random ones forgotten. Ours trains a shadow model, unlearns its part of the targets with the rounds that the
run took and asks all targets, with all that is written down for it; theirs trains one model on all training images and
writes nothing. Sides take turns; the first turn warms up and is left out. Then a whole deep audit of each method is
made in a new home, the second one with the first one's trained models, in seconds of the clock and of processors.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import Ratio, Side, machine, machine_words, table, timed, write_out
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.recipes import DIGITS, unlearning_recipe
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec
from cu_core.data.batches import Split
from cu_core.engine.deep.deep_targets import shadow_targets
from cu_core.engine.deep.shadow_models import ShadowMaker
from cu_core.engine.setup import RunSetup, set_up
from cu_core.jobs.foreground import run_here
from cu_core.learning.build import build_for
from cu_core.learning.device import choose_device
from cu_core.learning.training import train
from cu_core.runstore.reader import open_run


def spec_of(method: str, shadows: int, device: str) -> RunSpec:
    """A run on digits that forgets 100 of them and records little."""
    return RunSpec(
        train=DIGITS,
        forget=ForgetSpec("random:100"),
        method=MethodSpec(method, unlearning_recipe(method, "digits", "tiny-cnn", "sample")),
        probe=ProbeSpec(size=60, tsne=False, keep_weights_mb=0),
        audit=AuditSpec(attacks="none", shadows=shadows),
        device=device,
    )


def _setup(spec: RunSpec, root: str) -> RunSetup:
    return set_up(spec, Home(Path(root)).create(), lambda *_: None)


def ours(spec: RunSpec, root: str, rounds: int) -> Iterator[float]:
    """Seconds of one shadow after the other."""
    setup = _setup(spec, root)
    maker = ShadowMaker(setup, shadow_targets(setup), Home(Path(root)), rounds, lambda: None)
    for shadow in count():
        yield timed(partial(maker.make, shadow, lambda _: None), setup.device)


def theirs(spec: RunSpec, root: str) -> Iterator[float]:
    """Seconds of one plain training after the other."""
    setup = _setup(spec, root)
    for seed in count(1):
        yield timed(partial(_train, setup, seed), setup.device)


def _train(setup: RunSetup, seed: int) -> None:
    model = build_for(setup.spec, setup.data, seed)
    setup.precision.place(model, setup.device)
    train(
        model,
        Split(setup.train, torch.arange(len(setup.data.train_labels)), torch.Generator()),
        setup.spec.train,
        seed=seed,
        device=setup.device,
        precision=setup.precision,
        checkpoint=None,
        on_epoch=lambda _: None,
    )


def one_shadow(method: str, rounds: int, turns: int, device: str) -> Ratio:
    """How many plain trainings one shadow takes."""
    spec = spec_of(method, 0, device)
    with (
        tempfile.TemporaryDirectory() as root,
        Side(ours, spec, root, rounds) as mine,
        Side(theirs, spec, root) as plain,
    ):
        mine.next(), plain.next()
        seconds = [(mine.next(), plain.next()) for _ in range(turns)]
    return Ratio.of([other for _, other in seconds], [own for own, _ in seconds])


def whole_audit(method: str, shadows: int, device: str, home: Home) -> dict[str, Any]:
    """A deep audit from its beginning, base model and unlearning included."""
    began, processor = time.perf_counter(), time.process_time()
    run_id, state = run_here(spec_of(method, shadows, device), home)
    found = open_run(home, run_id).result()
    if state != "succeeded" or found is None:
        raise SystemExit(f"{run_id} {state}: {open_run(home, run_id).error}")
    deep = found["deep_audit"]
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        "shadows": shadows,
        "rounds": found["rounds"],
        "over_shadows": deep["over_shadows"],
        "ulira": deep["ulira"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints Markdown tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shadows", type=int, default=64)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["contrastive", "finetune"])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    where = machine(choose_device(options.device))
    print(machine_words(where))
    try:
        with tempfile.TemporaryDirectory() as root:
            home = Home(Path(root)).create()
            audits = {m: whole_audit(m, options.shadows, options.device, home) for m in options.methods}
        ratios = {m: one_shadow(m, a["rounds"], options.turns, options.device) for m, a in audits.items()}
    except UnlearnscopeError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    head = (
        "method",
        "rounds",
        "shadow / plain training",
        "plain training",
        "whole audit",
        "processor time",
        "area after",
    )
    rows = [
        (
            name,
            audit["rounds"],
            ratios[name].words(),
            f"{ratios[name].mine:.2f} s",
            f"{audit['seconds']:.0f} s",
            f"{audit['processor_seconds']:.0f} s",
            f"{audit['over_shadows']['ulira']['area']:.3f}, p = {audit['over_shadows']['ulira']['p']:.3f}",
        )
        for name, audit in audits.items()
    ]
    print(table(head, rows))
    content = {name: audit | {"shadow": vars(ratios[name])} for name, audit in audits.items()}
    write_out(options.out, {"machine": where} | content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
