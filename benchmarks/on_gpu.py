"""What Unlearnscope does on a GPU, in ten minutes: one script, one file of numbers.

    .venv/bin/python -m benchmarks.on_gpu --data folder:cifar10.zip --out on_gpu.json

Three parts, each as far as the time goes: airbench-l to 94 % of CIFAR-10; a training step of ResNet-18 against the
usual loop, with its share of the card's peak (`train_step`); and the first paper's table for a forgotten class: base,
three references, contrastive unlearning, then as many baselines as fit. What did not fit is named in the file, which is
written anew after each piece of work, so that nothing is lost where the script is killed.
``--device cpu --toy`` does all of it at a size at which numbers mean nothing, to see that it works.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measuring import machine, machine_words, synchronize
from benchmarks.train_step import accuracy
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.data.prepared import prepare
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.learning.build import build_for
from cu_core.learning.device import choose_device, choose_precision, keep_freed_memory
from cu_core.learning.training import train
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import open_run

AIRBENCH, WANTED, SEEDS = "airbench-l", 0.94, 3
PUBLISHED = {"seconds": 3.8, "card": "A100", "pflop": 0.36, "source": "airbench94 of KellerJordan/cifar10-airbench"}
GOAL = 3 * 3.8
"""Seconds. Three times what the published code takes on its card: ours is no script for one network, does not compile,
keeps label smoothing and views at test time out, and runs on whatever card is there, which the file names."""
BASELINES = (
    *("finetune", "gradient_ascent", "boundary_shrink", "boundary_expanding", "random_label", "neggrad_plus", "ssd"),
    *("scrub", "salun", "bad_teacher", "unsir", "l1_finetune", "fisher"),
)
"""In the order in which they are tried."""
KEPT = (
    *("metrics", "reference_band", "references", "rounds", "stopped_by", "seconds", "cpu_seconds", "attacks"),
    *("reference_attacks", "tug_of_war", "counts", "hardware", "versions", "cautions", "notes"),
)
"""What is kept of a result: docs/run-format.md."""
FEWEST_EPOCHS, MOST_EPOCHS = 4, 100


class OutOfTime(Exception):
    """The time that a part was given is over."""


@dataclass
class Clock:
    """The time that is left of a budget.

    Attributes:
        budget: seconds in all.
        began: by `time.monotonic`.
    """

    budget: float
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self.budget - self.spent

    def until(self, left: float) -> Callable[[], None]:
        """A check that raises `OutOfTime` once no more than so many seconds are left."""

        def check() -> None:
            if self.left <= left:
                raise OutOfTime

        return check


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        backbone: of the table and of the step.
        step_images: training images of an epoch of the step.
        step_epochs: of the step, the first of which warms up.
        epochs: of base model and references; 0 takes as many as fit.
        airbench_epochs: 0 takes those of its recipe.
        methods: how many baselines at most.
    """

    backbone: str = "resnet18"
    step_images: int = 16_384
    step_epochs: int = 3
    epochs: int = 0
    airbench_epochs: int = 0
    methods: int = len(BASELINES)


TOY = Size("tiny-cnn", 128, 2, 2, 1, 2)


class OnGpu:
    """The parts, and what they have found so far.

    Args:
        options: of the command line.
        clock: the budget.
        folder: for everything that is made on the way.
    """

    def __init__(self, options: argparse.Namespace, clock: Clock, folder: Path) -> None:
        self.options, self.clock, self.folder = options, clock, folder
        self.size = TOY if options.toy else Size()
        self.device = choose_device(options.device)
        self.home = Home(folder / "home").create()
        self.data_spec = DataSpec(options.data, train_limit=options.images, image_size=options.image_size)
        self.found: dict[str, Any] = {
            "machine": machine(self.device),
            "asked": {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()},
            "parts": {},
            "left_out": [],
        }
        self.failed = False

    def run(self) -> None:
        """Prepares the images, then all parts; one that fails does not stop the next."""
        data = prepare(self.data_spec, self.home)
        self.found["images"] = {"train": len(data.train_labels), "test": len(data.test_labels)}
        self.note("images", {"seconds": self.clock.spent})
        parts: dict[str, Callable[[], None]] = {
            "airbench": lambda: self.airbench(data),
            "step": self.step,
            "table": lambda: self.table(data),
        }
        for name, work in parts.items():
            began = self.clock.spent
            try:
                work()
            except OutOfTime:
                self.leave_out(name, "the time was over in the middle of it")
            except (UnlearnscopeError, RuntimeError, ValueError, OSError) as error:
                self.failed = True
                self.note(name, {"failed": f"{type(error).__name__}: {error}"})
            self.note(name, {"part_seconds": self.clock.spent - began})

    def airbench(self, data: ImageData) -> None:
        """airbench-l from scratch, seed after seed, in a third of the time; judged once, at the end of the schedule."""
        if AIRBENCH not in BACKBONES:
            self.leave_out("airbench", f"this version has no {AIRBENCH}")
            return
        stop = self.clock.until(2 / 3 * self.clock.budget)
        usual = recipe("cifar10", AIRBENCH)
        spec = RunSpec(model=ModelSpec(AIRBENCH), train=usual)
        if self.size.airbench_epochs:
            spec = dataclasses.replace(spec, train=dataclasses.replace(usual, epochs=self.size.airbench_epochs))
        self.note("airbench", {"published": PUBLISHED, "goal_seconds": GOAL, "epochs": spec.train.epochs, "seeds": []})
        source, test = ImageSource.train(data, self.device), ImageSource.test(data, self.device)
        # What a process does once is no part of the time: choosing kernels, the first allocation.
        self._trained(spec, data, source, 0, 1, stop)
        for seed in range(SEEDS):
            seconds, model = self._trained(spec, data, source, seed, spec.train.epochs, stop)
            right = accuracy(model, test)
            row = {"seed": seed, "seconds": seconds, "accuracy": right, "reached": right >= WANTED}
            self.found["parts"]["airbench"]["seeds"].append(row | {"within_goal": right >= WANTED and seconds <= GOAL})
            self.write()

    def _trained(
        self, spec: RunSpec, data: ImageData, source: ImageSource, seed: int, epochs: int, stop: Callable[[], None]
    ) -> tuple[float, Any]:
        precision = choose_precision("auto", self.device)
        model = build_for(spec, data, seed)
        precision.place(model, self.device)
        split = Split(source, np.arange(len(source)), torch.Generator())
        synchronize(self.device)
        began = time.perf_counter()
        train(
            model,
            split,
            dataclasses.replace(spec.train, epochs=epochs),
            seed=seed,
            device=self.device,
            precision=precision,
            checkpoint=None,
            on_epoch=lambda report: None,
            check=stop,
        )
        synchronize(self.device)
        return time.perf_counter() - began, model

    def step(self) -> None:
        """`benchmarks.train_step` in a process of its own, which is ended after a quarter of the time."""
        out = self.folder / "step.json"
        images = min(self.size.step_images, self.found["images"]["train"])
        command = [sys.executable, "-m", "benchmarks.train_step", "--data", self.options.data, "--out", str(out)]
        command += ["--backbone", self.size.backbone, "--images", str(images), "--epochs", str(self.size.step_epochs)]
        command += ["--seeds", "1", "--device", self.options.device, "--batch", "256"]
        command += ["--workers", *(["0"] if self.options.toy else ["0", "4", "8"])]
        allowed = max(min(self.clock.budget / 4, self.clock.left), 0.0)
        with (self.folder / "step.log").open("w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                code = process.wait(allowed)
            except subprocess.TimeoutExpired:
                raise OutOfTime from None
            finally:
                # Its own session: the sides that it has started end with it.
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            log.seek(0)
            told = log.read()
        if code:
            raise RuntimeError(told[-2000:])
        self.note("step", read_json(out) | {"words": told})

    def table(self, data: ImageData) -> None:
        """Base, three references and contrastive unlearning in one run, then a run per baseline in the same home."""
        train_spec = self._table_recipe(len(data.train_labels))
        if train_spec is None:
            self.leave_out("table", "too little time is left for four trainings")
            return
        self.note("table", {"train": train_spec.content(), "backbone": self.size.backbone, "runs": {}})
        slowest = 0.0
        names = ["contrastive", *[name for name in BASELINES if name in METHODS][: self.size.methods]]
        for place, name in enumerate(names):
            if place and self.clock.left < 1.3 * slowest:
                self.leave_out("table", "not begun, since the time would not have been enough", names[place:])
                return
            began = self.clock.spent
            state = self._table_run(name, train_spec)
            if place:
                slowest = max(slowest, self.clock.spent - began)
            if state == "cancelled":
                self.leave_out("table", "the time was over in the middle of it", names[place:])
                return

    def _table_recipe(self, images: int) -> TrainSpec | None:
        """As many epochs of one-cycle training as leave half of the time that is left to the methods."""
        usual = TrainSpec(
            epochs=1, batch_size=256, lr=0.1, weight_decay=5e-4, schedule="one-cycle", augment="crop-flip"
        )
        if self.size.epochs:
            return dataclasses.replace(usual, epochs=self.size.epochs, batch_size=32)
        median = (self.found["parts"].get("step", {}).get("seconds") or {}).get("ours")
        if not median:
            return None
        step_images = self.found["parts"]["step"]["plan"]["images"]
        per_epoch = float(np.median(median)) / step_images * images
        epochs = int(0.5 * self.clock.left / (4 * per_epoch))
        return dataclasses.replace(usual, epochs=min(epochs, MOST_EPOCHS)) if epochs >= FEWEST_EPOCHS else None

    def _table_run(self, name: str, train_spec: TrainSpec) -> str:
        spec = dataclasses.replace(
            PRESETS["paper-class"].spec,
            data=self.data_spec,
            model=ModelSpec(self.size.backbone),
            train=train_spec,
            method=MethodSpec(name),
            reference=3,
            device=self.options.device,
            probe=ProbeSpec(size=500, tsne=False),
            audit=AuditSpec(verdict=False),
            name=name,
        )
        run_id = submission.submit(spec, self.home, foreground=True)
        attempt = _Ending.claim(self.home, run_id, 1)
        attempt.over = self.clock.until(10.0)
        run_attempt(attempt, execute)
        view = open_run(self.home, run_id)
        result = view.result() or {}
        row: dict[str, Any] = {"state": view.state, "error": view.error}
        row |= {key: result[key] for key in KEPT if key in result}
        self.found["parts"]["table"]["runs"][name] = row
        self.failed = self.failed or view.state == "failed"
        self.write()
        return view.state

    def note(self, part: str, content: dict[str, Any]) -> None:
        """Keeps what a part has found, in the file too."""
        self.found["parts"][part] = self.found["parts"].get(part, {}) | content
        self.write()

    def leave_out(self, part: str, why: str, names: Sequence[str] = ()) -> None:
        """Names what did not fit."""
        self.found["left_out"].append({"part": part, "why": why} | ({"names": list(names)} if names else {}))
        self.write()

    def write(self) -> None:
        """Puts everything that is known into the file."""
        self.found["spent_seconds"] = self.clock.spent
        write_json(self.options.out, self.found)


class _Ending(Attempt):
    """Is cancelled once the time is over."""

    over: Callable[[], None] = staticmethod(lambda: None)

    def check(self) -> None:
        try:
            self.over()
        except OutOfTime:
            submission.cancel(self.home, self.run_id)
        super().check()


def main(arguments: Sequence[str] | None = None) -> int:
    """Does all parts; returns 0 unless one of them failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="cifar10", help="cifar10 (downloaded), folder:PATH of a folder or a zip")
    parser.add_argument("--images", type=int, default=0, help="training images; 0 = all")
    parser.add_argument("--image-size", type=int, default=0, help="0 = as they are")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=560.0, help="the whole budget")
    parser.add_argument("--toy", action="store_true", help="everything small, to see that it works")
    parser.add_argument("--out", type=Path, default=Path("on_gpu.json"))
    options = parser.parse_args(arguments)
    keep_freed_memory()
    clock = Clock(options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        try:
            work = OnGpu(options, clock, Path(folder))
            print(machine_words(work.found["machine"]), flush=True)
            work.run()
        except UnlearnscopeError as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    print(json.dumps({"spent": round(clock.spent), "left_out": work.found["left_out"]}, indent=1))
    return 1 if work.failed else 0


if __name__ == "__main__":
    sys.exit(main())
