"""How long the map of all rounds takes, beside umap-learn's AlignedUMAP on the same embeddings in the same run.

    .venv/bin/python -m benchmarks.drift_map --sizes 2000 5000 --seeds 0 1 2 --out map.json
    .venv/bin/python -m benchmarks.drift_map --large

The embeddings are those of `benchmarks.drift_methods` (`walk`: ten classes in 128 dimensions over ten rounds, one of
which walks away). Both run warm, with all cores and a fixed seed, and with the fidelity record. `--large` draws 20,000
samples over twenty rounds in a process of its own and says how long that took and how much memory it needed, loading
and compiling included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))  # before the other benchmark asks for one

import numpy as np

from benchmarks.drift_methods import Film, walk
from cu_core.projections.project import ProjectedRounds, project

LARGE = (20_000, 20)
OURS, OTHER = "reference-map", "aligned-umap"
WITHIN_ONE = 1e6
"""`ru_maxrss` is in KiB on Linux."""


def timed(film: Film, method: str) -> tuple[float, ProjectedRounds]:
    began = time.perf_counter()
    found = project(film.rounds, forget=film.forget, method=method)
    return time.perf_counter() - began, found


def measure(size: int, seed: int) -> dict[str, Any]:
    film = walk(size, seed)
    row: dict[str, Any] = {"samples": size, "rounds": len(film.rounds), "seed": seed}
    for method in (OURS, OTHER):
        seconds, found = timed(film, method)
        numbers = ("trustworthiness", "continuity", "displacement_rank_correlation", "unmoved_motion")
        row[method] = {"seconds": seconds} | {name: found.fidelity[name] for name in numbers}
    began = time.perf_counter()
    first = project(film.rounds[:-1], forget=film.forget)
    row["without_the_last_round"] = time.perf_counter() - began
    began = time.perf_counter()
    assert first.fitted is not None
    first.fitted.place(film.rounds[-1], np.arange(size))  # type: ignore[call-arg]
    row["adding_a_round"] = time.perf_counter() - began
    row["ratio"] = row[OTHER]["seconds"] / row[OURS]["seconds"]
    print(json.dumps(row), flush=True)
    return row


def large() -> None:
    samples, rounds = LARGE
    film = walk(samples, 0)
    # Twice as many rounds, by stopping half-way between each two.
    between = [
        (first + (second - first) / 2).astype(np.float32)
        for first, second in zip(film.rounds, film.rounds[1:], strict=False)
    ]
    shown = sorted([*enumerate(film.rounds), *((k + 0.5, rows) for k, rows in enumerate(between))], key=lambda e: e[0])
    embeddings = [rows for _, rows in shown]
    embeddings.append(embeddings[-1].copy())
    assert len(embeddings) == rounds
    # As in a network, nine tenths of the samples move a little in every round.
    rng = np.random.default_rng(1)
    restless = rng.random(samples) < 0.9
    for rows in embeddings[1:]:
        rows[restless] += 0.05 * rng.normal(size=(int(restless.sum()), rows.shape[1])).astype(np.float32)
    began = time.perf_counter()
    found = project(embeddings, forget=film.forget)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / WITHIN_ONE
    report = {
        "samples": samples,
        "rounds": rounds,
        "seconds": time.perf_counter() - began,
        "peak_gb": peak,
        "trustworthiness": found.fidelity["trustworthiness"],
        "unmoved_motion": found.fidelity["unmoved_motion"],
    }
    print(json.dumps(report), flush=True)


def cold() -> float:
    """Seconds from starting a process to a drawn map of 2,000 samples over ten rounds, compiling included."""
    code = "from benchmarks.drift_methods import walk; from benchmarks.drift_map import timed; "
    code += "timed(walk(2000, 0), 'reference-map')"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def spread(values: list[float]) -> str:
    half = (max(values) - min(values)) / 2
    return f"{statistics.mean(values):.3g} ± {half:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.large:
        large()
        return
    print(f"cold: {cold():.1f} s", flush=True)
    warm = walk(300, 0)
    for method in (OURS, OTHER):
        timed(warm, method)
    rows = [measure(size, seed) for size in options.sizes for seed in options.seeds]
    for size in options.sizes:
        own = [row for row in rows if row["samples"] == size]
        print(
            f"{size} samples, {own[0]['rounds']} rounds, {len(own)} seeds: "
            f"map {spread([row[OURS]['seconds'] for row in own])} s, "
            f"AlignedUMAP {spread([row[OTHER]['seconds'] for row in own])} s, "
            f"ratio {spread([row['ratio'] for row in own])}, trustworthiness "
            f"{spread([row[OURS]['trustworthiness'] for row in own])} and "
            f"{spread([row[OTHER]['trustworthiness'] for row in own])}, motion of unmoved points "
            f"{spread([row[OURS]['unmoved_motion'] for row in own])} and "
            f"{spread([row[OTHER]['unmoved_motion'] for row in own])}, one more round "
            f"{spread([row['adding_a_round'] for row in own])} s"
        )
    print(f"{platform.platform()}, {os.cpu_count()} cores, umap-learn {version('umap-learn')}")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
