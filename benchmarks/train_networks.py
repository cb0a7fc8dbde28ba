"""How well backbones learn by their own recipes: accuracy over seeds, seconds, images a second.

    python -m benchmarks.train_networks --data folder:PATH --backbones airbench-s airbench-m --seeds 3 --out nets.json

Every training adds a row to the file, so that the same command goes on where it was stopped, and ``--print`` only
prints. Accuracies are of the test images as they are, without views. Times are of the training alone; they mean
something on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import Any

import numpy as np
import torch

from benchmarks.kept_rows import add_row_arguments, keep_rows, kept_rows, print_machine
from benchmarks.measuring import machine, table
from benchmarks.train_step import spread_words
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.base.parameters import describe, parse
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.data.prepared import prepare
from cu_core.learning.build import build_model
from cu_core.learning.device import Precision, choose_device, choose_precision, keep_freed_memory
from cu_core.learning.network import Network
from cu_core.learning.training import EpochReport, train

AT_ONCE = 1000
# What tells one row from another, besides the seed.
SETTINGS = ("data", "images", "backbone", "head", "recipe", "train", "precision", "device", "threads")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--data", default="cifar10", help="cifar10 (downloaded), emoji or folder:PATH of images")
    made.add_argument("--images", type=int, default=0, help="training images; 0 for all")
    made.add_argument("--backbones", nargs="+", default=["airbench-s"])
    made.add_argument("--head", default="projected", choices=("projected", "plain"))
    made.add_argument("--recipe", default="", help="name of the recipe, where a backbone has several")
    made.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE", help="epochs=3")
    made.add_argument("--seeds", type=int, default=3, help="seeds 0 to N - 1")
    made.add_argument("--first-seed", type=int, default=0)
    made.add_argument("--device", default="auto")
    made.add_argument("--precision", default="auto")
    made.add_argument("--threads", type=int, default=torch.get_num_threads())
    add_row_arguments(made)
    return made


def recipe_of(options: argparse.Namespace, backbone: str) -> TrainSpec:
    """The recipe of a backbone with what was set by hand.

    Raises:
        BadInput: no such recipe or setting.
    """
    pairs = dict(setting.split("=", 1) for setting in options.settings)
    usual = vars(recipe(options.data, backbone, name=options.recipe))
    read: TrainSpec = parse(TrainSpec, usual | pairs, "train.")
    return read


def accuracy(model: Network, source: ImageSource, precision: Precision) -> float:
    """Share of a source's images that a model is right on."""
    right = 0
    with torch.inference_mode():
        for index in torch.arange(len(source)).split(AT_ONCE):
            images, labels = source.take(index)
            with precision.autocast():
                right += int((model(precision.images(images)).argmax(1) == labels).sum())
    return right / len(source)


def trained(
    options: argparse.Namespace, data: ImageData, backbone: str, spec: TrainSpec, seed: int, precision: Precision
) -> dict[str, Any]:
    """Trains one network; what it is right on and what it took."""
    device = choose_device(options.device)
    size, channels = data.train_images.shape[-1], data.train_images.shape[1]
    model = build_model(ModelSpec(backbone, head=options.head), channels, size, len(data.classes), seed)
    precision.place(model, device)
    source = ImageSource.train(data, device)

    def told(report: EpochReport) -> None:
        print(f"\r{backbone} seed {seed}: epoch {report.epoch} of {report.epochs}", end="", file=sys.stderr, flush=True)

    split = Split(source, np.arange(len(source)), torch.Generator())
    took = train(model, split, spec, seed=seed, device=device, precision=precision, checkpoint=None, on_epoch=told)
    print(file=sys.stderr)
    return {
        "seed": seed,
        "unseen": accuracy(model, ImageSource.test(data, device), precision),
        "seen": accuracy(model, source, precision),
        "seconds": took.seconds,
        "cpu_seconds": took.cpu_seconds,
        "images_per_second": spec.epochs * len(source) / took.seconds,
    }


def rows_of(found: dict[str, Any]) -> list[list[str]]:
    """A line per network and settings: accuracies with their spread over seeds, medians of what it took."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in found["rows"]:
        groups.setdefault(json.dumps([row[name] for name in SETTINGS], sort_keys=True), []).append(row)
    lines = []
    for rows in groups.values():
        first = rows[0]
        worked = [row["cpu_seconds"] for row in rows if row["cpu_seconds"] is not None]
        lines.append(
            [
                f"`{first['backbone']}`, {first['head']}" + (f", {first['recipe']}" if first["recipe"] else ""),
                f"{first['images']:,}",
                str(first["train"]["epochs"]),
                first["precision"],
                spread_words([row["unseen"] for row in rows]),
                spread_words([row["seen"] for row in rows]),
                f"{statistics.median(row['seconds'] for row in rows):.0f}",
                f"{statistics.median(worked):.0f}" if worked else "–",
                f"{statistics.median(row['images_per_second'] for row in rows):,.0f}",
                ", ".join(str(row["seed"]) for row in rows),
            ]
        )
    return lines


COLUMNS = [
    "network", "images", "epochs", "precision", "unseen", "seen", "seconds", "processor s", "images/s", "seeds",
]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Trains what is missing in the file and prints a Markdown table; returns the exit code."""
    options = parser().parse_args(arguments)
    found = kept_rows(options.out)
    try:
        if not options.print:
            _train_all(options, found)
    except (UnlearnscopeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print_machine(found)
    print(table(COLUMNS, rows_of(found)))
    return 0


def _train_all(options: argparse.Namespace, found: dict[str, Any]) -> None:
    keep_freed_memory()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    data = prepare(DataSpec(options.data, train_limit=options.images), Home(options.home).create())
    found["machine"] = found["machine"] or machine(device)
    precision = choose_precision(options.precision, device)
    for backbone in options.backbones:
        spec = recipe_of(options, backbone)
        about = {
            "data": options.data.partition(":")[0],
            "images": len(data.train_labels),
            "backbone": backbone,
            "head": options.head,
            "recipe": options.recipe,
            "train": {d.name: getattr(spec, d.name) for d in describe(TrainSpec)},
            "precision": precision.name,
            "device": device.type,
            "threads": torch.get_num_threads(),
        }
        done = [row["seed"] for row in found["rows"] if all(row[name] == about[name] for name in SETTINGS)]
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            if seed not in done:
                found["rows"].append(about | trained(options, data, backbone, spec, seed, precision))
                keep_rows(found, options.out)


if __name__ == "__main__":
    sys.exit(main())
