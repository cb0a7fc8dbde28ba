"""How long a folder of many photographs takes to be read, and how much memory.

    .venv/bin/python -m benchmarks.image_reading

50,000 made-up JPEGs of 224 px are read at 64 px in a fresh process, as `prepare` reads them. Each is a file of its own;
there are a few hundred different pictures among them, since making them is no part of the question. The memory is the
peak of what the process holds for itself, beyond what it held before: pages of mapped files belong to the system's
cache, which gives them up when others need them.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image

from benchmarks.measuring import Side, machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.prepared import dataset_key, prepare

CLASSES = 10
DIFFERENT = 256
TEST_SHARE = 5
"""Every so many-th picture is unseen."""
MOST_MB = 1024
_LOOK_SECONDS = 0.01
_GRAIN = 8


def make_photographs(folder: Path, count: int, side: int) -> int:
    """Writes JPEGs into ``train/`` and ``test/`` by class; returns their bytes."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(DIFFERENT):
        coarse = rng.integers(0, 256, (side // _GRAIN, side // _GRAIN, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = np.clip(smooth + rng.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=85)
        contents.append(file.getvalue())
    for part in ("train", "test"):
        for label in range(CLASSES):
            (folder / part / f"class{label}").mkdir(parents=True)
    for number in range(count):
        part = "test" if number % TEST_SHARE == 0 else "train"
        name = folder / part / f"class{number // TEST_SHARE % CLASSES}" / f"{number:06}.jpg"
        name.write_bytes(contents[number % DIFFERENT])
    return sum(len(contents[number % DIFFERENT]) for number in range(count))


def run(folder: str, root: str, size: int) -> Iterator[dict[str, float]]:
    """Prepares the folder in this process.

    Yields:
        Once: ``seconds``, ``listing`` (seconds for the dataset's key), ``needed`` and ``cached`` in MB, ``images``.
    """
    spec, home = DataSpec(f"folder:{folder}", image_size=size), Home(Path(root)).create()
    # Whatever is loaded when it is first needed is no part of reading.
    prepare(DataSpec(), home)
    began = time.perf_counter()
    dataset_key(spec)
    listed = time.perf_counter() - began
    process, over = psutil.Process(), threading.Event()
    before, most, cached = _own(process), 0, 0

    def watch() -> None:
        nonlocal most, cached
        while not over.wait(_LOOK_SECONDS):
            most, cached = max(most, _own(process)), max(cached, process.memory_info().shared)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.perf_counter()
    data = prepare(spec, home)
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    yield {
        "seconds": seconds,
        "listing": listed,
        "needed": (most - before) / 2**20,
        "cached": cached / 2**20,
        "images": len(data.train_images) + len(data.test_images),
    }


def _own(process: psutil.Process) -> int:
    """Bytes that the process holds for itself."""
    told = process.memory_info()
    return int(told.rss - told.shared)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns 1 where the bound on memory does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=224, help="of the files, in px")
    parser.add_argument("--size", type=int, default=64, help="that they are read at, in px")
    parser.add_argument("--folder", type=Path, help="where files are made; a temporary folder by default")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    where = machine(torch.device("cpu"))
    place = Path(tempfile.mkdtemp(prefix="image_reading_", dir=options.folder))
    try:
        size = make_photographs(place / "photographs", options.images, options.side)
        with Side(run, str(place / "photographs"), str(place / "home"), options.size, own_memory=True) as side:
            told = side.next()
    finally:
        shutil.rmtree(place)
    print(machine_words(where))
    row = [
        f"{told['images']:,.0f} JPEGs of {options.side} px ({size / 2**20:,.0f} MB) at {options.size} px",
        f"{told['seconds']:.1f} s",
        f"{told['images'] / told['seconds']:,.0f} a second",
        f"{told['needed']:.0f} MB",
        f"{told['cached']:.0f} MB",
        f"{MOST_MB} MB",
    ]
    print(table(["work", "time", "images", "memory of its own", "mapped files", "bound"], [row]))
    write_out(options.out, {"machine": where, "bytes": size, **told})
    return 1 if told["needed"] > MOST_MB else 0


if __name__ == "__main__":
    sys.exit(main())
