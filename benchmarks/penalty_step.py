"""What a step of gradient-penalty unlearning costs, in plain steps.

    .venv/bin/python -m benchmarks.penalty_step

A plain step is the training loss on a forget batch, backward and Adam: the same method with the weight of the penalty
at 0. Measured in turns, round by round, in one process that is set up like a run's worker. The images are noise, since
no step's time depends on what is in them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.measuring import Ratio, machine, machine_words, table, timed, write_out
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_device, choose_precision, keep_freed_memory
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.methods.context import Context
from cu_core.methods.gradient_penalty import (
    GradientPenaltyMembersParams,
    GradientPenaltyParams,
    unlearn,
    unlearn_members,
)

CLASSES = 10
# Far too small to move the weights to where numbers would be special.
LR = 1e-7
WAYS = {
    "plain step": (unlearn_members, GradientPenaltyMembersParams, {"beta": 0.0}),
    "with the penalty on forget samples": (unlearn_members, GradientPenaltyMembersParams, {"beta": 1.0}),
    "with the penalty between forget and unseen samples": (
        unlearn,
        GradientPenaltyParams,
        {"beta": 1.0, "gamma": 0.0},
    ),
}
PLAIN = next(iter(WAYS))


def rounds(way: str, backbone: str, size: int, batch: int, steps: int, count: int, device: str) -> Iterator[Any]:
    """Rounds of one of `WAYS` on noise.

    Args:
        way: which one.
        backbone: of the network.
        size: height and width of the images in pixels.
        batch: samples per step.
        steps: per round.
        count: of rounds.
        device: where.
    """
    implementation, kind, weights = WAYS[way]
    place = choose_device(device)
    precision = choose_precision("fp32", place)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch * steps, 3, size, size), dtype=np.uint8)
    source = ImageSource(images, np.arange(len(images)) % CLASSES, (0.5,) * 3, (0.25,) * 3, place)
    model = build_model(ModelSpec(backbone=backbone), 3, size, CLASSES, 0, "supervised").train()
    precision.place(model, place)
    generator = torch.Generator().manual_seed(0)
    everything = np.arange(len(images))
    recipe = TrainSpec()
    context = Context(
        model=model,
        forget=Split(source, everything, generator),
        retain=Split(source, everything, generator),
        unseen=Split(source, everything, generator),
        task="sample",
        loss=F.cross_entropy,
        objective=make_objective(recipe, model, len(images)),
        device=place,
        precision=precision,
        generator=generator,
        classes=CLASSES,
        recipe=recipe,
        fresh=lambda seed: build_model(ModelSpec(backbone=backbone), 3, size, CLASSES, seed, "supervised"),
        max_rounds=count,
    )
    make: Callable[..., Iterator[Any]] = implementation
    return make(context, kind(alpha=1.0, lr=LR, batch_size=batch, **weights))


def measure(backbone: str, size: int, batch: int, steps: int, turns: int, device: str) -> dict[str, list[float]]:
    """Seconds of a step of each of `WAYS`, in turns; the first turn warms up and is left out."""
    place = choose_device(device)
    running = {way: rounds(way, backbone, size, batch, steps, turns + 1, device) for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(turns + 1):
        for way, some in running.items():
            taken = timed(some.__next__, place) / steps
            if turn > 0:
                seconds[way].append(taken)
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backbones", nargs="+", default=["resnet8"])
    parser.add_argument("--size", type=int, default=32, help="of the images, in pixels")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4, help="per turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    content: dict[str, Any] = {}
    rows = []
    try:
        where = machine(choose_device(options.device))
        for backbone in options.backbones:
            seconds = measure(backbone, options.size, options.batch, options.steps, options.turns, options.device)
            for way, taken in seconds.items():
                ratio = Ratio.of(seconds[PLAIN], taken)
                rows.append([backbone, way, f"{1000 * ratio.other:.0f} ms", ratio.words(), ratio.turns])
                content.setdefault(backbone, {})[way] = vars(ratio) | {"seconds": taken}
    except UnlearnscopeError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(machine_words(where))
    print(f"{options.size} px, batch {options.batch}, float32; ratio: median (quartiles) over the turns")
    print(table(["network", "step", "time", "in plain steps", "turns"], rows))
    write_out(options.out, {"machine": where, "options": {k: str(v) for k, v in vars(options).items()}} | content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
