"""What runs take on disk: bytes and files, what a round adds, and what thousands of runs would come to.

    python -m benchmarks.storage --home PATH [--out FILE.json]
    python -m benchmarks.storage --paper

The first reads the finished runs of a home. The second is the program's own upper estimate for runs of the papers'
size, and reads nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cu_core.base.home import Home
from cu_core.catalogue.presets import PRESETS
from cu_core.runstore import layout
from cu_core.runstore.disk import estimate_disk, folder_size
from cu_core.runstore.state import read_state

PAPERS = ("paper-class", "paper-sample")
BACKBONES = ("resnet18", "resnet50")
ROUNDS = (5, 20, 100)
RUNS = (100, 1_000, 10_000)


@dataclass(frozen=True)
class RunSize:
    """One run on disk; sizes in bytes.

    Attributes:
        run_id: of the run.
        samples: probe samples recorded each round.
        rounds: rounds recorded, round 0 included.
        total: of the whole run directory.
        files: number of files in it.
        per_round: mean over the rounds after round 0.
        files_per_round: likewise.
        references: arrays of all references.
        audit: arrays of the membership attacks.
        weights: final weights and checkpoint.
    """

    run_id: str
    samples: int
    rounds: int
    total: int
    files: int
    per_round: float
    files_per_round: float
    references: int
    audit: int
    weights: int

    @property
    def fixed(self) -> float:
        """What does not depend on the number of rounds."""
        return self.total - self.per_round * self.rounds


def count_files(folder: Path) -> int:
    """Number of files below a folder."""
    return sum(1 for path in folder.rglob("*") if path.is_file())


def measure(run_dir: Path) -> RunSize | None:
    """Sizes of a finished run; None where it has no round after round 0."""
    rounds = layout.numbered(run_dir / "rounds")
    if len(rounds) < 2 or read_state(run_dir).state != "succeeded":
        return None
    later = [run_dir / "rounds" / str(k) for k in rounds[1:]]
    manifest = json.loads((later[0] / layout.MANIFEST).read_text())
    weights = sum(path.stat().st_size for name in ("weights.pt", "checkpoint.pt") if (path := run_dir / name).exists())
    return RunSize(
        run_id=run_dir.name,
        samples=int(manifest["arrays"]["loss"]["shape"][0]),
        rounds=len(rounds),
        total=folder_size(run_dir),
        files=count_files(run_dir),
        per_round=float(np.mean([folder_size(folder) for folder in later])),
        files_per_round=float(np.mean([count_files(folder) for folder in later])),
        references=folder_size(run_dir / "reference"),
        audit=folder_size(run_dir / layout.AUDIT),
        weights=weights,
    )


def by_samples(sizes: Iterable[RunSize]) -> dict[int, list[RunSize]]:
    """Runs by the number of samples that they record."""
    found: dict[int, list[RunSize]] = {}
    for size in sizes:
        found.setdefault(size.samples, []).append(size)
    return dict(sorted(found.items()))


def extrapolate(size: RunSize, rounds: int, runs: int) -> tuple[float, float]:
    """Bytes and files of many runs like this one with another number of rounds."""
    files = size.files + (rounds + 1 - size.rounds) * size.files_per_round
    return runs * (size.fixed + (rounds + 1) * size.per_round), runs * files


def words(size: float) -> str:
    """Bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def show(groups: dict[int, list[RunSize]]) -> None:
    """Prints both tables."""
    print("| samples | runs measured | a run | of it a round | references | attacks | weights, checkpoint | files |")
    print("|---|---|---|---|---|---|---|---|")
    for samples, sizes in groups.items():
        middle = sorted(sizes, key=lambda s: s.total)[len(sizes) // 2]
        cells = [middle.total, middle.per_round, middle.references, middle.audit, middle.weights]
        shown = " | ".join(words(value) for value in cells)
        print(f"| {samples:,} | {len(sizes)} | {shown} | {middle.files} |")
    print("\nThe median run of each row stands for its group.\n")
    print("| samples | rounds | " + " | ".join(f"{runs:,} runs" for runs in RUNS) + " |")
    print("|---|---|" + "---|" * len(RUNS))
    for samples, sizes in groups.items():
        middle = sorted(sizes, key=lambda s: s.total)[len(sizes) // 2]
        for rounds in ROUNDS:
            found = [extrapolate(middle, rounds, runs) for runs in RUNS]
            shown = " | ".join(f"{words(size)} in {files:,.0f} files" for size, files in found)
            print(f"| {samples:,} | {rounds} | {shown} |")


def show_paper() -> None:
    """Prints the estimate for runs of the papers' size on CIFAR-10."""
    from cu_core.learning.build import build_model  # noqa: PLC0415 - loads torch, which the other table does not need

    print("| preset | backbone | weights | recorded | snapshots | attacks | weights, checkpoint | in all |")
    print("|---|---|---|---|---|---|---|---|")
    for name in PAPERS:
        for backbone in BACKBONES:
            spec = replace(PRESETS[name].spec, model=replace(PRESETS[name].spec.model, backbone=backbone))
            network = build_model(spec.model, channels=3, size=32, num_classes=10, seed=0)
            parameters = sum(p.numel() for p in network.parameters())
            found = estimate_disk(spec, parameters=parameters)
            sizes = (found.snapshots, found.audit, found.weights or 0, found.total)
            recorded = f"{found.samples:,} samples × {found.rounds} rounds"
            shown = " | ".join(words(size) for size in sizes)
            print(f"| {name} | {backbone} | {parameters / 1e6:.1f} million | {recorded} | {shown} |")


def main(words_given: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="whose finished runs to measure")
    parser.add_argument("--paper", action="store_true", help="the estimate for runs of the papers' size")
    parser.add_argument("--out", type=Path, help="JSON file for the sizes of each run")
    options = parser.parse_args(words_given)
    if options.home is None and not options.paper:
        parser.error("name a home with --home, or ask for --paper")
    if options.home is not None:
        home = Home(options.home)
        found = [measure(home.runs / run_id) for run_id in layout.run_ids(home.runs)]
        sizes = [size for size in found if size is not None]
        show(by_samples(sizes))
        if options.out is not None:
            options.out.write_text(json.dumps([asdict(size) for size in sizes], indent=1))
    if options.paper:
        show_paper()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
