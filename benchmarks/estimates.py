"""What Launch says that a run will take, against what it took.

    .venv/bin/python -m benchmarks.estimates --presets digit-5 emoji-random --downloads ~/emoji --out estimates.json

Every preset is run twice in a home of its own, in which its dataset is prepared: the first time it is judged by a few
timed steps, as on a machine that has never run it; the second time, with another seed, by the first run. On an idle
machine an estimate should be within a factor of two; whatever else works there makes runs slower than they say.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import cu_core  # noqa: F401 - fills the registries
from benchmarks.measuring import machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.catalogue.presets import preset
from cu_core.catalogue.spec import RunSpec
from cu_core.data.prepared import prepare
from cu_core.engine.estimate import estimate
from cu_core.engine.speed import measure_speed

ROOT = Path(__file__).resolve().parent.parent
SEEDS = (0, 1)


def compared(name: str, spec: RunSpec, home: Home) -> dict[str, Any]:
    """Seconds that a run is expected to take, and those from the start of its process to its end.

    Args:
        name: of the preset.
        spec: the run.
        home: where it runs; knows how fast such a network is trained.
    """
    expected = estimate(spec, home)
    words = ["--preset", name, "--seed", str(spec.seed), "--device", "cpu"]
    if spec.data.dataset.startswith("folder:"):
        words += ["--dataset", spec.data.dataset]
    began = time.monotonic()
    made = subprocess.run(
        [sys.executable, "-m", "cu_core", "run", *words],
        cwd=ROOT,
        env=os.environ | {"CU_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"{name} failed: {made.stderr[-500:]}")
    took = time.monotonic() - began
    assert expected.expected is not None
    return {
        "preset": name,
        "judged by": expected.source,
        "expected": expected.expected,
        "took": took,
        "ratio": took / expected.expected,
    }


def rows_of(name: str, dataset: str, downloads: Path | None) -> list[dict[str, Any]]:
    """Both runs of a preset, in a home that is empty but for the dataset."""
    base = dataclasses.replace(preset(name).spec, device="cpu")
    if dataset and base.data.dataset not in ("digits", "emoji"):
        base = dataclasses.replace(base, data=dataclasses.replace(base.data, dataset=dataset))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.create()
        if downloads is not None and base.data.dataset == "emoji":
            shutil.copytree(downloads, home.datasets / "downloads" / "emoji")
        prepare(base.data, home)
        measure_speed(base, home)
        return [compared(name, dataclasses.replace(base, seed=seed), home) for seed in SEEDS]


def main(words: Sequence[str] | None = None) -> int:
    """Runs the presets and prints their times beside the estimates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--presets", nargs="+", default=["digit-5"])
    parser.add_argument("--dataset", default="", help="instead of cifar10, e.g. folder:cifar10.zip")
    parser.add_argument("--downloads", type=Path, help="folder of the files of the emoji, instead of fetching them")
    parser.add_argument("--out", type=Path, help="writes the numbers as JSON")
    options = parser.parse_args(words)
    hardware = machine(torch.device("cpu"))
    rows = [row for name in options.presets for row in rows_of(name, options.dataset, options.downloads)]
    cells = [
        (row["preset"], row["judged by"], f"{row['expected']:.0f}", f"{row['took']:.0f}", f"{row['ratio']:.2f}")
        for row in rows
    ]
    print(f"{machine_words(hardware)}\n")
    print(table(("Preset", "Judged by", "Expected, s", "Took, s", "Took / expected"), cells))
    write_out(options.out, {"machine": hardware, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
