"""A training step in bf16 against the same step in fp32, by network, and whether accuracy suffers.

    .venv/bin/python -m benchmarks.precision_step --out precision.json
    .venv/bin/python -m benchmarks.precision_step --accuracy airbench-s --data folder:cifar10.zip --images 0 --epochs 8

One network and one batch of noise take whole steps (forward, loss, backward, optimizer) in both precisions in turns, as
`precision=auto` times them. With ``--accuracy`` a network is trained on images in both, from the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measuring import Ratio, machine, machine_words, synchronize, table, write_out
from benchmarks.train_step import accuracy, difference_words, spread_words
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.base.processor import bf16_in_hardware
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.prepared import prepare
from cu_core.learning.build import build_for
from cu_core.learning.device import choose_device, choose_precision, keep_freed_memory
from cu_core.learning.precision_trial import multiply_adds
from cu_core.learning.timed_step import TimedStep
from cu_core.learning.training import Training

NETWORKS = ("resnet18", "airbench-m", "airbench-s", "resnet8", "wide-cnn", "tiny-cnn")
"""Those of them that are installed are timed."""
PAIR = ("fp32", "bf16")


def steps(spec: RunSpec, size: int, turns: int, device: torch.device) -> dict[str, Any]:
    """One network in turns.

    Args:
        spec: its network, objective and batch size count.
        size: height and width of the colour images in pixels.
        turns: steps of each, after one that warms up.
        device: where.

    Returns:
        ``ratio`` (fp32 by bf16), ``seconds`` of both per step, ``multiply_adds`` of an image in millions.
    """
    step = TimedStep(spec, 3, size, 10, device)
    both = {name: choose_precision(name, device) for name in PAIR}
    for precision in both.values():
        step.seconds(precision)
    seconds: dict[str, list[float]] = {name: [] for name in PAIR}
    for _ in range(turns):
        for name, precision in both.items():
            seconds[name].append(step.seconds(precision))
    return {
        "ratio": Ratio.of(seconds["bf16"], seconds["fp32"]),
        "seconds": seconds,
        "multiply_adds": multiply_adds(step.network, 3, size) / 1e6,
    }


def accuracies(options: argparse.Namespace, device: torch.device) -> dict[str, list[float]]:
    """Accuracy on unseen images of a network trained in both precisions, one per seed."""
    found: dict[str, list[float]] = {name: [] for name in PAIR}
    with tempfile.TemporaryDirectory() as folder:
        spec = _spec(options.accuracy, options.data, options.images, options.epochs)
        data = prepare(spec.data, Home(Path(folder)).create())
        source, test = ImageSource.train(data, device), ImageSource.test(data, device)
        for seed in range(options.seeds):
            for name in PAIR:
                precision = choose_precision(name, device)
                model = build_for(spec, data, seed)
                precision.place(model, device)
                split = Split(source, np.arange(len(source)), torch.Generator())
                training = Training(model, split, spec.train, seed, precision)
                for _ in range(spec.train.epochs):
                    training.run_epoch(lambda: None)
                synchronize(device)
                model.eval()
                found[name].append(accuracy(model, test))
                print(f"{spec.model.backbone}, seed {seed}, {name}: {100 * found[name][-1]:.2f} %", flush=True)
    return found


def _spec(backbone: str, dataset: str, images: int, epochs: int) -> RunSpec:
    usual = recipe(dataset, backbone)
    train = dataclasses.replace(usual, epochs=epochs or usual.epochs)
    return RunSpec(data=DataSpec(dataset, train_limit=images), model=ModelSpec(backbone), train=train)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints Markdown tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=[name for name in NETWORKS if name in BACKBONES])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=32, help="height and width of the images in pixels")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--accuracy", metavar="NETWORK", help="train this network in both precisions instead")
    parser.add_argument("--data", default="cifar10", help="cifar10 (downloaded), folder:PATH or another dataset")
    parser.add_argument("--images", type=int, default=0, help="training images; 0 = all")
    parser.add_argument("--epochs", type=int, default=0, help="0 = those of the network's recipe")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    try:
        device = choose_device(options.device)
        where = machine(device) | {"bf16_in_hardware": bf16_in_hardware()}
        print(machine_words(where) + f", bf16 in hardware: {'yes' if where['bf16_in_hardware'] else 'no'}", flush=True)
        content = _accuracy(options, device) if options.accuracy else _steps(options, device)
    except (UnlearnscopeError, RuntimeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    asked = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    write_out(options.out, {"machine": where, "asked": asked} | content)
    return 0


def _accuracy(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    found = accuracies(options, device)
    print(table(["", "accuracy"], [[name, spread_words(found[name])] for name in PAIR]))
    words = difference_words(found["bf16"], found["fp32"])
    print(f"bf16 minus fp32 over {options.seeds} seeds: {words}")
    return {"accuracy": found, "difference": words}


def _steps(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    rows, kept = [], {}
    for name in options.networks:
        spec = RunSpec(model=ModelSpec(name), train=TrainSpec(batch_size=options.batch))
        found = steps(spec, options.size, options.turns, device)
        ratio = found["ratio"]
        per_image = [f"{1000 * seconds / options.batch:.3f} ms" for seconds in (ratio.other, ratio.mine)]
        rows.append([name, f"{found['multiply_adds']:.1f} M", *per_image, ratio.words()])
        kept[name] = found | {"ratio": vars(ratio)}
    print(f"Batch {options.batch}, {options.size} px, {options.turns} turns; median and quartiles of fp32 by bf16")
    print(table(["network", "multiply-adds an image", "fp32, an image", "bf16, an image", "times as fast"], rows))
    return {"steps": kept}


if __name__ == "__main__":
    sys.exit(main())
