"""What recording a round costs, as a share of the round itself: CIFAR-10, resnet8, 2,000 probe samples.

    .venv/bin/python -m benchmarks.snapshot_cost --data folder:cifar10.zip

Runs the engine as it is, with a stopping rule in force (the one that looks at most samples) but a step size too small
for it to be met, so that every round is an ordinary one. A snapshot is everything that happens between two rounds but
the checkpoint: forward pass, signals, metrics, fidelity of the picture, and writing the arrays. Shown are medians, and
the ratio of the sums; the first round, which warms up, is left out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs.progress_bar import ProgressBar
from cu_core.jobs.submission import submit
from cu_core.learning.device import choose_device, describe_device
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import open_run


class TimedAttempt(Attempt):
    """An attempt that remembers how long each round took to write, and draws its progress on stderr."""

    def __init__(self, home: Home, run_id: str, number: int) -> None:
        super().__init__(home, run_id, number)
        self.written: dict[str, float] = {}
        self.bar = ProgressBar()

    def event(self, phase: str, done: int, total: int, *details: Any, **named: Any) -> None:
        """Stores the event and draws it."""
        super().event(phase, done, total, *details, **named)
        self.bar.event({"phase": phase, "done": done, "total": total, "message": named.get("message", "")})

    def promote(self, folder: str, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any], **more: Any) -> None:
        """Writes the round and takes the time."""
        began = time.perf_counter()
        super().promote(folder, arrays, manifest, **more)
        self.written[folder] = time.perf_counter() - began


def measure(options: argparse.Namespace, select: str, home: Home) -> list[tuple[float, float, bool]]:
    """Seconds of each round and of its snapshot, and whether second views were recorded."""
    spec = spec_from_json(
        {
            "data": {"dataset": options.data, "train_limit": options.images},
            "model": {"backbone": "resnet8"},
            "train": {"epochs": options.epochs, "schedule": "one-cycle"},
            "forget": {"select": select},
            "method": {"id": "contrastive", "params": {"lr": 1e-7}},
            "stop": {"max_rounds": options.rounds, "rule": "chance"},
            "probe": {"size": options.probe},
            "device": options.device,
        }
    )
    run_id = submit(spec, home, foreground=True)
    attempt = TimedAttempt.claim(home, run_id, 1)
    assert isinstance(attempt, TimedAttempt)
    state = run_attempt(attempt, execute)
    view = open_run(home, run_id)
    if state != "succeeded":
        raise SystemExit(f"{run_id} {state}: {view.error}")
    rounds = []
    for number in view.rounds()[2:]:
        manifest = view.manifest(number)
        snapshot = manifest["seconds"]["evaluate"] + attempt.written[f"rounds/{number}"]
        rounds.append((manifest["seconds"]["unlearn"], snapshot, "two_view_cosine" in manifest["arrays"]))
    return rounds


def main() -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description="What recording a round costs against the round itself.")
    parser.add_argument("--data", default="cifar10", help="cifar10 (downloaded) or folder:PATH of CIFAR-10 images")
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--epochs", type=int, default=5, help="of the base model")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--probe", type=int, default=2000, help="probe samples")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    try:
        where = describe_device(choose_device(options.device))
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder)).create()
            measured = {select: measure(options, select, home) for select in ("class:1", "random:500")}
    except UnlearnscopeError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(f"{where}, {torch.get_num_threads()} threads, torch {torch.__version__}, {options.probe} probe samples")
    print("| forget set | rounds | round | snapshot | snapshot / round | with second views |")
    print("| --- | --- | --- | --- | --- | --- |")
    for select, rounds in measured.items():
        if not rounds:
            print(f"| {select} | 0 | – | – | – | – |")
            continue
        unlearn, snapshot = (statistics.median(r[i] for r in rounds) for i in (0, 1))
        total = sum(r[1] for r in rounds) / sum(r[0] for r in rounds)
        views = sum(r[2] for r in rounds)
        print(f"| {select} | {len(rounds)} | {unlearn:.2f} s | {snapshot:.2f} s | {total:.2f} | {views} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
