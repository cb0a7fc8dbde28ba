"""What each projection shows of a known movement: neighbourhoods, motion, time, on made-up and on real embeddings.

    .venv/bin/python -m benchmarks.drift_methods --samples 1000 --seeds 0 1 2 --out drift.json

Sets, each over ten rounds:

- `walk`: ten Gaussian classes in 128 dimensions (within a class 20 directions carry the variance). One class, the
  forget set, walks in equal steps half-way or all the way to one of two other classes; nothing else moves.
- `noisy`: the same, and everything is turned a little more and jittered in every round.
- `scattered`: the same as `walk`, but the forget samples come from all classes, so that each walks nearly alone.
- `digits`: a small network (64-256-128-10) on the digits of scikit-learn, which unlearns class 3 by ascent beside the
  loss on retained samples; embeddings are what its last layer reads.

Every number of the tables is a mean over the seeds, with half the range behind it; each seed draws the set (and trains
the network) anew. Times are processor seconds of warm code on one thread, with the fidelity record: other work on the
machine hardly changes them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.stats import ortho_group
from sklearn.datasets import load_digits
from torch import nn

from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.projections.plotted_motion import Motion
from cu_core.projections.project import project

ROUNDS = 10
WIDTH = 128
CLASSES = 10
COLUMNS = {
    "seconds": ("CPU s", ".1f"),
    "trustworthiness": ("T", ".3f"),
    "continuity": ("C", ".3f"),
    "pooled_trustworthiness": ("PT", ".3f"),
    "distance_rank_correlation": ("distance ρ", ".2f"),
    "unmoved_motion": ("unmoved", ".1%"),
    "still_jitter": ("still", ".1%"),
    "travel": ("travel", ".0%"),
    "displacement_rank_correlation": ("motion ρ", ".2f"),
    "forget_displacement_rank_correlation": ("motion ρ, forget", ".2f"),
    "snap_excess": ("snap excess", ".2f"),
}


@dataclass(frozen=True)
class Film:
    """Embeddings of the same samples in all rounds."""

    rounds: list[np.ndarray]
    labels: np.ndarray
    forget: np.ndarray


def walk(samples: int, seed: int, scattered: bool = False) -> Film:
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % CLASSES
    centres = rng.normal(size=(CLASSES, WIDTH)) * 3
    bases = rng.normal(size=(CLASSES, 20, WIDTH)) / np.sqrt(WIDTH)
    start = centres[labels] + np.einsum("nk,nkd->nd", rng.normal(size=(samples, 20)) * 3, bases[labels])
    forget = rng.permutation(labels == 0) if scattered else labels == 0
    goal = (labels + rng.integers(1, 3, samples)) % CLASSES
    speed = rng.uniform(0.5, 1, samples) * forget
    way = centres[goal] - centres[labels]
    rounds = [start + (number / (ROUNDS - 1) * speed)[:, None] * way for number in range(ROUNDS)]
    return Film([rows.astype(np.float32) for rows in rounds], labels, forget)


def scattered(samples: int, seed: int) -> Film:
    return walk(samples, seed, scattered=True)


def noisy(samples: int, seed: int) -> Film:
    film = walk(samples, seed)
    rng = np.random.default_rng(seed + 1000)
    # A rotation by 0.02 radians a round in every one of 64 random planes.
    planes = ortho_group.rvs(WIDTH, random_state=seed)
    rounds = []
    for number, rows in enumerate(film.rounds):
        angle = 0.02 * number
        block = np.kron(np.eye(WIDTH // 2), [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        jitter = rng.normal(size=rows.shape) * (0.075 if number else 0)
        rounds.append((rows @ (planes @ block @ planes.T) + jitter).astype(np.float32))
    return Film(rounds, film.labels, film.forget)


def digits(samples: int, seed: int) -> Film:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    images, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(seed).permutation(len(labels))[:samples]
    x, y = torch.tensor(images[chosen] / 16, dtype=torch.float32), torch.tensor(labels[chosen])
    body = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, WIDTH), nn.ReLU())
    head = nn.Linear(WIDTH, CLASSES)
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=1e-3)
    forget = y == 3

    def step(batch: torch.Tensor, ascend: bool) -> None:
        out = head(body(x[batch]))
        mask = forget[batch]
        value = loss(out[~mask], y[batch][~mask])
        if mask.any():
            value = value + (-0.2 if ascend else 1.0) * loss(out[mask], y[batch][mask]).clamp(max=20)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    def embed() -> np.ndarray:
        with torch.no_grad():
            return body(x).numpy().astype(np.float32)

    for _ in range(40):
        for batch in torch.randperm(len(x)).split(64):
            step(batch, ascend=False)
    rounds = [embed()]
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=1e-4)
    for _ in range(ROUNDS - 1):
        for batch in torch.randperm(len(x)).split(64):
            step(batch, ascend=True)
        rounds.append(embed())
    return Film(rounds, y.numpy(), forget.numpy())


SETS: dict[str, Callable[[int, int], Film]] = {
    "walk": walk,
    "digits": digits,
    "noisy": noisy,
    "scattered": scattered,
}


def travel(motion: Motion, forget: np.ndarray, plotted: bool) -> float:
    """Median way of the forget samples from the first to the last round, in radii of the layout."""
    shift = motion.plotted_shift if plotted else motion.true_shift
    return float(np.median(shift[-1][forget]) / motion.radius)


def truth(film: Film) -> dict[str, Any]:
    """What a perfect picture would show: the same numbers of the full space itself."""
    motion = Motion.of(film.rounds, film.rounds)
    return {
        "unmoved_motion": motion.unmoved_motion(),
        "still_jitter": motion.still_jitter(),
        "travel": travel(motion, film.forget, plotted=False),
    }


def one(film: Film, method: str, seed: int) -> dict[str, Any]:
    began = time.process_time()
    made = project(film.rounds, forget=film.forget, method=method, seed=seed, labels=film.labels)
    seconds = time.process_time() - began
    record = {name: value for name, value in made.fidelity.items() if name != "rounds"}
    motion = Motion.of(film.rounds, made.coordinates)
    return record | {"seconds": seconds, "travel": travel(motion, film.forget, plotted=True)}


def cell(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    mean = format(statistics.mean(known), form)
    return mean if len(known) == 1 else f"{mean} ± {format((max(known) - min(known)) / 2, form)}"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown, one table per set."""
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        lines += [f"\nSet `{name}`\n", "| method | " + " | ".join(short for short, _ in COLUMNS.values()) + " |"]
        lines.append("|---" * (len(COLUMNS) + 1) + "|")
        for method in dict.fromkeys(row["method"] for row in rows if row["set"] == name):
            same = [row for row in rows if (row["set"], row["method"]) == (name, method)]
            cells = [cell([row.get(column) for row in same], form) for column, (_, form) in COLUMNS.items()]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=PROJECTIONS, default=list(PROJECTIONS))
    parser.add_argument("--out", type=Path, help="JSON of all rows, written after each; rows in it are not made again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Spectral initialisation failed")
    names = ("numpy", "scikit-learn", "umap-learn", "openTSNE")
    print(platform.platform(), f"{os.cpu_count()} cores,", ", ".join(f"{name} {version(name)}" for name in names))
    rows: list[dict[str, Any]] = []
    if options.out and options.out.exists():
        rows = json.loads(options.out.read_text())
    warm = walk(600, 0)
    for method in options.methods:
        project(warm.rounds[:3], forget=warm.forget, method=method, labels=warm.labels)
    for name in options.sets:
        for seed in options.seeds:
            film = SETS[name](options.samples, seed)
            for method in ["(full space)", *options.methods]:
                key = {"set": name, "method": method, "seed": seed, "samples": options.samples}
                if any(key.items() <= row.items() for row in rows):
                    continue
                rows.append(key | (truth(film) if method == "(full space)" else one(film, method, seed)))
                print(json.dumps(rows[-1]), flush=True)
                if options.out:
                    options.out.write_text(json.dumps(rows, indent=1))
    print(table([row for row in rows if row["samples"] == options.samples]))


if __name__ == "__main__":
    main()
