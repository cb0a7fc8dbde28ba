"""Peak memory of nearest neighbours and membership attacks on 50,000 samples with 512 numbers each.

    .venv/bin/python -m benchmarks.attack_memory

Each piece of work is done in a fresh process that is set up like a run's worker, at a quarter of the samples, half of
them and all of them. What it needs beyond its input is the peak of its resident memory less what the process had when
the input was ready. A bound that holds at every size says that nothing grows with the square of the samples: a
50,000 x 50,000 matrix would be 10 GB.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from benchmarks.measuring import Side, machine, machine_words, table, write_out
from cu_core.catalogue.attack_record import attacks_for
from cu_core.engine.audit.attackers import AttackData, Scores, attack_models
from cu_core.metrics.attacks.fitting import Signals
from cu_core.metrics.attacks.outcome import outcome
from cu_core.metrics.intervals import redraws
from cu_core.metrics.knn import TEMPERATURE, K, weighted_knn

CLASSES = 10
VIEWS = 10
DRAWS = 500
LOOK_SECONDS = 0.005
# Parts of bounded size (similarities of a block of queries, of log-odds, of redraws) and what libraries load.
FIXED_MB = 400
# How often the input may be held in addition, in its own precision: normalised copies for neighbours; for attacks
# log-odds in double precision and copies of those of a fold.
COPIES = {"nearest neighbours": 3.0, "attacks": 6.0}
WORK = tuple(COPIES)


def bound_mb(work: str, input_mb: float) -> float:
    """Memory that a piece of work may need beyond its input, in MB: linear in the input."""
    return FIXED_MB + COPIES[work] * input_mb


def run(work: str, samples: int, width: int) -> Iterator[dict[str, float]]:
    """Does one piece of work in this process.

    Args:
        work: one of `WORK`.
        samples: how many.
        width: numbers per sample: features for neighbours, outputs of an encoder for attacks.

    Yields:
        Once: ``input`` and ``needed`` in MB, ``seconds``.
    """
    prepared, size = _neighbours(samples, width) if work == WORK[0] else _attacks(samples, width)
    began = time.perf_counter()
    needed = peak_bytes(prepared)
    yield {"input": size / 2**20, "needed": needed / 2**20, "seconds": time.perf_counter() - began}


def _neighbours(samples: int, width: int) -> tuple[Callable[[], Any], int]:
    """Every sample asks all others, as it does for the retain samples of a finished encoder."""
    features = torch.randn(samples, width, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(samples) % CLASSES
    own = torch.arange(samples)
    return lambda: weighted_knn(features, labels, features, K, TEMPERATURE, CLASSES, own), features.nbytes


def _attacks(samples: int, width: int) -> tuple[Callable[[], Any], int]:
    """All attacks on an encoder with as many outputs, fitted in two folds, judged with intervals."""
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((samples, width), dtype=np.float32)
    cosines = rng.random((samples, VIEWS * (VIEWS - 1) // 2), dtype=np.float32)
    loss = rng.random(samples, dtype=np.float32)
    member, fold = np.arange(samples) < samples // 2, np.arange(samples) % 2

    def attack() -> None:
        data = AttackData(Signals.of_encoder(outputs, loss, cosines), member, fold)
        weights = redraws(member, DRAWS, 0)
        for chosen in attacks_for("self-supervised"):
            scores = attack_models(chosen, {"before": data}, None, 0)["before"]["refitted"]
            if isinstance(scores, Scores):
                outcome(scores.score.astype(np.float64), member, fold, scores.thresholds, weights)

    return attack, outputs.nbytes + cosines.nbytes


def peak_bytes(work: Callable[[], Any]) -> int:
    """By how many bytes this process's resident memory rises at most while it works."""
    process, over = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    highest = before

    def watch() -> None:
        nonlocal highest
        while not over.wait(LOOK_SECONDS):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        work()
    finally:
        highest = max(highest, process.memory_info().rss)
        over.set()
        watcher.join()
    return highest - before


def measure(samples: int, width: int) -> dict[str, list[dict[str, float]]]:
    """`run` in fresh processes at a quarter, half and all of the samples, with ``samples`` and ``bound`` in MB."""
    found: dict[str, list[dict[str, float]]] = {}
    for work in WORK:
        for count in (samples // 4, samples // 2, samples):
            with Side(run, work, count, width, own_memory=True) as side:
                told = side.next()
            found.setdefault(work, []).append(told | {"samples": count, "bound": bound_mb(work, told["input"])})
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    where = machine(torch.device("cpu"))
    found = measure(options.samples, options.width)
    print(machine_words(where))
    rows = [
        [
            work,
            f"{told['samples']:,} x {options.width}",
            f"{told['input']:.0f} MB",
            f"{told['needed']:.0f} MB",
            f"{told['bound']:.0f} MB",
            f"{told['seconds']:.1f} s",
        ]
        for work, sizes in found.items()
        for told in sizes
    ]
    print(table(["work", "samples", "input", "needed beyond it", "bound", "time"], rows))
    broken = [work for work, sizes in found.items() if any(told["needed"] > told["bound"] for told in sizes)]
    print(f"Beyond the bound: {', '.join(broken)}" if broken else "All within the bound, which is linear in the input.")
    write_out(options.out, {"machine": where, "width": options.width, "work": found})
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
