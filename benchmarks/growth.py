"""How the cost of a run grows with samples, rounds and classes: seconds, exponents, and a picture of them.

    .venv/bin/python -m benchmarks.growth --out growth.json --picture docs/pictures/growth.png
    .venv/bin/python -m benchmarks.growth --backbone airbench-s --samples 10000 20000 50000 --rounds --out growth.json

Every point is an ordinary run on made-up images of 32 px, done in a process of its own as a worker does it; its own
files say what each part took, and the process how much memory it had at the most. With the samples grow the forget set
(a tenth), the recorded ones (a fifth), the attacked ones and the unseen ones. The exponent is the slope of log seconds
over log size: 1 is linear. Fixed costs hide it at small sizes, so the slope of the last two points is given beside that
of all. The picture needs the headless Chromium of the browser tests.
"""

from __future__ import annotations

import argparse
import math
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.growth_picture import Pane, Style, picture
from benchmarks.measuring import Side, machine, machine_words, table, write_out
from benchmarks.pictures import write_png
from benchmarks.snapshot_cost import TimedAttempt
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data import prepared
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs.submission import submit
from cu_core.learning.device import choose_device
from cu_core.runstore.reader import open_run

PARTS = ("training epoch", "unlearning round", "snapshot", "attacks", "rest of the run")
MEMORY = "peak_memory"
# Steeper than this over the last two points counts as worse than linear; times of seconds scatter by some percent.
STEEP = 1.15
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#666666")


@dataclass(frozen=True)
class Size:
    """One point.

    Attributes:
        samples: training images.
        rounds: of unlearning.
        classes: of the images.
    """

    samples: int = 5000
    rounds: int = 5
    classes: int = 10


def made_up(home: Home, size: Size) -> None:
    """Writes a prepared dataset of made-up images where the store looks for it.

    Each class has a brightness of its own in some rows, so that there is something to learn.
    """
    folder = home.datasets / prepared.dataset_key(data_of(size))
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split, count in (("train", size.samples), ("test", max(size.samples // 5, 2 * size.classes))):
        labels = np.arange(count) % size.classes
        images = rng.integers(0, 128, (count, 3, 32, 32), dtype=np.uint8)
        images[np.arange(count), labels % 3, labels % 32] += 100
        arrays |= {f"{split}_images": images, f"{split}_labels": labels.astype(np.int64)}
    arrays["true_labels"] = arrays["train_labels"]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    meta = {
        "schema": prepared.SCHEMA,
        "classes": [f"class {number}" for number in range(size.classes)],
        "mean": [0.25] * 3,
        "std": [0.15] * 3,
        "sha256": folder.name,
        "arrays": {name: [str(array.dtype), list(array.shape)] for name, array in arrays.items()},
    }
    write_json(folder / "meta.json", meta)


def data_of(size: Size) -> DataSpec:
    """The dataset of a point, as a run names it."""
    return DataSpec(dataset="cifar10" if size.classes <= 10 else "cifar100", train_limit=size.samples)


def measure(home: Home, size: Size, backbone: str, device: str) -> dict[str, float]:
    """Seconds of the `PARTS` of one run.

    Rounds and snapshots are medians but for the first round, which warms up, where there are others.

    Args:
        home: for this run alone: the caches of another one would save it work.
        size: of the run.
        backbone: of the network.
        device: where.

    Raises:
        RuntimeError: the run failed.
    """
    made_up(home, size)
    data = data_of(size)
    spec = spec_from_json(
        {
            "data": {"dataset": data.dataset, "train_limit": data.train_limit},
            "model": {"backbone": backbone},
            "train": {"epochs": 1},
            "forget": {"select": "fraction:0.1"},
            "method": {"id": "contrastive", "params": {"lr": 1e-7, "retain_batches": 1}},
            "stop": {"max_rounds": size.rounds, "rule": "none"},
            "probe": {"size": max(size.samples // 5, 30)},
            "audit": {"size": max(size.samples // 10, 20)},
            "device": device,
        }
    )
    run_id = submit(spec, home, foreground=True)
    attempt = TimedAttempt.claim(home, run_id, 1)
    assert isinstance(attempt, TimedAttempt)
    began = time.perf_counter()
    state = run_attempt(attempt, execute)
    whole = time.perf_counter() - began
    view = open_run(home, run_id)
    if state != "succeeded":
        raise RuntimeError(f"{run_id} {state}: {view.error}")
    told_seconds = (view.result() or {})["seconds"]
    manifests = {number: view.manifest(number) for number in view.rounds()[1:]}
    rounds = {number: told["seconds"]["unlearn"] for number, told in manifests.items()}
    snapshots = {
        number: told["seconds"]["evaluate"] + attempt.written[f"rounds/{number}"] for number, told in manifests.items()
    }
    named = told_seconds["train"], told_seconds["audit"]
    counted = [number for number in manifests if number > 1] or list(manifests)
    return {
        "training epoch": named[0],
        "unlearning round": statistics.median(rounds[number] for number in counted),
        "snapshot": statistics.median(snapshots[number] for number in counted),
        "attacks": named[1],
        "rest of the run": max(whole - sum(named) - sum(rounds.values()) - sum(snapshots.values()), 0.0),
    }


def measure_anew(size: Size, backbone: str, device: str) -> dict[str, float]:
    """`measure` in a home and a process of its own, whose ``peak_memory`` in bytes is told besides."""
    with Side(pieces, size, backbone, device, own_memory=True) as side:
        found: dict[str, float] = side.next()
    return found


def pieces(size: Size, backbone: str, device: str) -> Iterator[dict[str, float]]:
    """`measure` after a small run that warms up, each in a home of its own; with the process's ``peak_memory``."""
    # What is loaded and compiled once would count against the point.
    for one in (Size(samples=200, rounds=1), size):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Home(Path(folder)).create(), one, backbone, device)
    yield found | {"peak_memory": 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log seconds over log size by least squares; not a number where a time is 0 or sizes are all the same.

    Args:
        sizes: (k,) above 0.
        seconds: (k,).
    """
    if min(seconds) <= 0 or len(set(sizes)) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def exponents(sizes: Sequence[int], points: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Of each of the `PARTS` and of memory the exponent over all points (``all``) and over the last two (``last``)."""
    found = {}
    for part in (*PARTS, MEMORY):
        if not all(part in point for point in points):
            continue
        seconds = [point[part] for point in points]
        found[part] = {"all": exponent(sizes, seconds), "last": exponent(sizes[-2:], seconds[-2:])}
    return found


def panes_of(series: Mapping[str, Mapping[str, Any]]) -> list[Pane]:
    """What grows as panes; `series` has its ``sizes`` and ``points``, the seconds of `PARTS` at each size."""
    return [
        Pane(name, told["sizes"], {part: [point[part] for point in told["points"]] for part in PARTS})
        for name, told in series.items()
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints Markdown tables and draws; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, nargs="*", default=[1000, 5000, 20_000, 50_000])
    parser.add_argument("--rounds", type=int, nargs="*", default=[5, 20, 100], help="on 1,000 samples")
    parser.add_argument("--classes", type=int, nargs="*", default=[10, 30, 100], help="of 5,000 samples")
    parser.add_argument("--backbone", default="tiny-cnn")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    parser.add_argument("--picture", type=Path, help="draw them as PNG")
    options = parser.parse_args(arguments)
    grown = {
        "samples": [Size(samples=count) for count in options.samples],
        "rounds": [Size(samples=1000, rounds=count) for count in options.rounds],
        "classes": [Size(classes=count) for count in options.classes],
    }
    series: dict[str, dict[str, Any]] = {}
    try:
        where = machine(choose_device(options.device))
        for name, sizes in grown.items():
            if not sizes:
                continue
            points = [measure_anew(size, options.backbone, options.device) for size in sizes]
            numbers = [getattr(size, name) for size in sizes]
            series[name] = {"sizes": numbers, "points": points, "exponents": exponents(numbers, points)}
    except (UnlearnscopeError, RuntimeError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(machine_words(where))
    print(f"{options.backbone}, made-up images of 32 px; seconds; exponent: all points, last two")
    for name, told in series.items():
        head = [name, *(f"{n:,}" for n in told["sizes"]), "exponent", "last two"]
        rows = []
        for part in PARTS:
            slope = told["exponents"][part]
            flag = " (worse than linear)" if slope["last"] > STEEP else ""
            times = [f"{point[part]:.2f}" for point in told["points"]]
            rows.append([part, *times, f"{slope['all']:.2f}", f"{slope['last']:.2f}{flag}"])
        memory = told["exponents"][MEMORY]
        peaks = [f"{point[MEMORY] / 2**30:.2f}" for point in told["points"]]
        rows.append(["peak memory, GiB", *peaks, f"{memory['all']:.2f}", f"{memory['last']:.2f}"])
        print(table(head, rows) + "\n")
    write_out(options.out, {"machine": where, "backbone": options.backbone, "series": series})
    if options.picture is not None:
        styles = {part: Style(colour) for part, colour in zip(PARTS, COLOURS, strict=True)}
        write_png(picture(panes_of(series), styles), options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
