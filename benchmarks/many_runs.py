"""A home with hundreds or thousands of invented finished runs, made in seconds.

A few runs are invented whole (`tests.madeup`) and enlarged to the usual 2,000 recorded samples of 128 dimensions; all
others are copies of them whose large files are hard links. What tells runs apart is their own: id, title, seed,
method, group, times and results. To the code under test every run is a directory like any other.

    python -m benchmarks.many_runs --home /tmp/many --runs 1000 --rounds 50
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.spec import MethodSpec, spec_from_json
from cu_core.jobs import demo
from cu_core.runstore import layout
from cu_core.runstore.index import SETTLED_SECONDS, reindex
from tests.madeup import SUBMITTED, MadeUp, write_run
from tests.written_arrays import write_array

SEEDS = 3
COUNTS = (60, 300, 140)
AUDITED = 30
TIMES = 4
"""How often the invented samples are repeated: 4 x 500 are the 2,000 that a run records by default."""
DIMENSIONS = 128
GROUP = 30
_IMAGES = ("train_images", "train_labels", "test_images", "test_labels", "true_labels")


def make_home(home: Home, runs: int, rounds: int, *, audited: int = AUDITED) -> None:
    """Writes finished runs of all methods, three seeds each, in groups of thirty, and their index.

    Args:
        home: where to; created, and marked as started before, so that no first run is queued.
        runs: how many.
        rounds: of each, besides round 0.
        audited: attacked samples a side; 0 leaves out the audit and its eighty files.
    """
    home.create()
    write_json(home.root / demo.MARKER, {"run_id": None})
    templates = make_templates(home, rounds, audited)
    names = [m.id for m in METHODS.values() if "class" in m.tasks and "supervised" in m.objectives]
    for number in range(runs):
        copy_run(home, templates[number % len(templates)], number, names[number // SEEDS % len(names)])
    # The index does not vouch for what is younger.
    time.sleep(2 * SETTLED_SECONDS)
    reindex(home)


def make_templates(home: Home, rounds: int, audited: int) -> list[Path]:
    """Whole runs that copies can be made of, one per seed; they lie beside the home and are no runs of it."""
    found = []
    for seed in range(SEEDS):
        scratch = Home(home.root / "templates" / f"{rounds}-{seed}")
        folder = scratch.runs / "template"
        if not folder.exists():
            made = MadeUp(rounds=rounds, references=(0, 1), seed=seed, counts=COUNTS, images=seed == 0, audited=audited)
            write_run(scratch.create(), "template", made)
            enlarge(folder)
            if seed == 0:
                _enlarge_images(scratch, home)
            shutil.rmtree(scratch.datasets)
        found.append(folder)
    return found


def enlarge(run_dir: Path) -> None:
    """Repeats the samples of a run `TIMES` times and gives its embedding 128 dimensions."""
    probe = pd.read_parquet(run_dir / layout.PROBE)
    size = len(probe)
    copies = []
    for k in range(TIMES):
        shift = np.where(probe["split"] == "test", 200, 600) * k
        copies.append(probe.assign(sample=probe["sample"] + shift))
    pd.concat(copies).to_parquet(run_dir / layout.PROBE, index=False)
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))[0]
    for manifest_file in [
        *run_dir.glob(f"rounds/*/{layout.MANIFEST}"),
        *run_dir.glob(f"reference/*/{layout.MANIFEST}"),
    ]:
        folder = manifest_file.parent
        manifest = read_json(manifest_file)
        for name, entry in manifest["arrays"].items():
            array = np.load(folder / entry["file"])
            if name == "head":
                continue
            array = np.concatenate([array] * TIMES)
            if name == "embedding":
                array = (array.astype(np.float32) @ turned[: array.shape[1]]).astype(np.float16)
            (folder / entry["file"]).unlink()
            manifest["arrays"][name] = write_array(folder / entry["file"], array)
        if len(manifest["arrays"]["embedding"]["shape"]) != 2 or manifest["arrays"]["loss"]["shape"] != [TIMES * size]:
            raise AssertionError(f"{folder} was not enlarged")
        write_json(manifest_file, manifest)


def _enlarge_images(scratch: Home, home: Home) -> None:
    """The invented dataset with as many images as the enlarged probe names, in the home that is measured."""
    for folder in scratch.datasets.iterdir():
        target = home.datasets / folder.name
        if target.exists():
            continue
        shutil.copytree(folder, target)
        meta = read_json(target / "meta.json")
        for name in _IMAGES:
            array = np.concatenate([np.load(target / f"{name}.npy")] * TIMES)
            np.save(target / f"{name}.npy", array)
            meta["arrays"][name] = [str(array.dtype), list(array.shape)]
        write_json(target / "meta.json", meta)


def copy_run(home: Home, template: Path, number: int, method_id: str) -> Path:
    """A run of its own that shares the large files of a template; returns its directory."""
    run_id, group = f"many-{number:05d}", f"sweep-{number // GROUP}"
    run_dir = home.runs / run_id
    link_tree(template, run_dir)
    spec = spec_from_json(read_json(template / layout.SPEC))
    spec = replace(spec, method=MethodSpec(method_id), seed=number % SEEDS, group=group)
    _write(run_dir / layout.SPEC, spec.to_json())
    own = {"run_id": run_id, "submitted": SUBMITTED + 60.0 * number, "spec_hash": spec.content_hash()}
    _write(run_dir / layout.INFO, read_json(template / layout.INFO) | own | {"title": spec.title, "group": group})
    result = read_json(template / layout.RESULT)
    rng = np.random.default_rng(number)
    after = {
        name: value if value is None else float(np.clip(value + rng.normal(0, 0.03), 0, 1))
        for name, value in result["metrics"]["after"].items()
    }
    _write(run_dir / layout.RESULT, result | {"run_id": run_id, "metrics": result["metrics"] | {"after": after}})
    return run_dir


def link_tree(source: Path | str, target: Path | str) -> None:
    """Makes the same folders, with hard links for files."""
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                link_tree(entry.path, place)
            else:
                os.link(entry.path, place)


def _write(path: Path, content: dict) -> None:
    # Unlike the store's careful way without fsync, three thousand of which would take minutes.
    path.unlink()
    path.write_text(json.dumps(content, indent=1))


def main() -> None:
    """Makes a home and says how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    began = time.perf_counter()
    make_home(Home(options.home), options.runs, options.rounds)
    print(f"{options.runs} runs x {options.rounds} rounds in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
