"""How long a training step takes on one and on several processes, at the same global batch.

    python -m benchmarks.parallel_step --out parallel.json

Starts itself under torchrun. One process gets all cores, or one GPU; several divide the cores, or take a GPU each. Both
take turns: some steps on rank 0 alone while the others wait, then as many together. The ratio of neighbours in time is
reported, its median with quartiles. On CPU cores that one process would use as well there is nothing to gain: a ratio
below 1 is what dividing costs there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from benchmarks.measuring import Ratio, machine, machine_words, synchronize, table, timed, write_out
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.jobs.command import TORCHRUN
from cu_core.jobs.slots import cores
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_precision, keep_freed_memory
from cu_core.learning.parallel.division import Division, divided
from cu_core.learning.parallel.group import Group
from cu_core.learning.parallel.torchrun import among_several
from cu_core.learning.training import Training

CASES = (("resnet8", "supervised"), ("resnet8", "simclr"), ("resnet18", "supervised"))
SIZE = 32


def options(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--processes", type=int, default=2)
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--batch", type=int, default=128, help="images per step of all processes together")
    add("--steps", type=int, default=2, help="steps per turn")
    add("--turns", type=int, default=5)
    add("--cases", nargs="*", default=[f"{b}/{o}" for b, o in CASES], metavar="BACKBONE/OBJECTIVE")
    add("--out", type=Path, help="write the numbers as JSON")
    return parser.parse_args(words)


class Case:
    """One network and objective, as a training of its own for each way of doing it."""

    def __init__(self, group: Group, chosen: argparse.Namespace, backbone: str, objective: str) -> None:
        self.device, self.size = group.device, group.size
        self.own = cores() if self.device.type == "cpu" else torch.get_num_threads()
        images = np.random.default_rng(0).integers(0, 255, (chosen.batch * chosen.steps, 3, SIZE, SIZE), np.uint8)
        labels = np.arange(len(images)) % 10
        source = ImageSource(images, labels, (0.5,) * 3, (0.25,) * 3, self.device)
        precision = choose_precision("auto", self.device)
        recipe = TrainSpec(objective=objective, epochs=10_000, batch_size=chosen.batch, augment="crop-flip")
        trainings = []
        for _ in range(2):
            model = build_model(ModelSpec(backbone=backbone), 3, SIZE, 10, 0, objective)
            precision.place(model, self.device)
            split = Split(source, np.arange(len(images)), torch.Generator())
            trainings.append(Training(model, split, recipe, 0, precision))
            trainings[-1].monitor = None  # looks at the encoder now and then, which is no step
        self.alone, self.together = trainings

    def division(self) -> AbstractContextManager[Division]:
        return divided(self.together.model.trunk)

    def turn(self, division: Division) -> tuple[float, float]:
        """Seconds of an epoch on rank 0 alone (0 elsewhere), and of one on all."""
        synchronize(self.device)
        dist.barrier()
        seconds = 0.0
        if dist.get_rank() == 0:
            torch.set_num_threads(self.own)
            seconds = timed(lambda: self.alone.run_epoch(lambda: None), self.device)
        dist.barrier()
        torch.set_num_threads(max(1, self.own // self.size) if self.device.type == "cpu" else self.own)
        division.active = True
        both = timed(lambda: self.together.run_epoch(lambda: None), self.device)
        division.active = False
        return seconds, both


def measure(chosen: argparse.Namespace) -> None:
    keep_freed_memory()
    group = Group(RunSpec(processes=chosen.processes, device=chosen.device))
    found = machine(group.device)
    rows, numbers = [], {}
    for name in chosen.cases:
        backbone, _, objective = name.partition("/")
        case = Case(group, chosen, backbone, objective)
        with case.division() as division:
            case.turn(division)  # allocations, and the first look at which algorithms are quickest
            turns = [case.turn(division) for _ in range(chosen.turns)]
        if dist.get_rank() == 0:
            one, several = ([t[n] / chosen.steps for t in turns] for n in range(2))
            ratio = Ratio.of(several, one)
            numbers[name] = {"one": one, "several": several}
            row = (backbone, objective, f"{ratio.other:.3f} s", f"{ratio.mine:.3f} s", ratio.words(), ratio.turns)
            rows.append(row)
    if dist.get_rank() == 0:
        head = ("network", "objective", "one process", f"{group.size} processes", "times as fast (quartiles)", "n")
        print(table(head, rows))
        where = "GPUs, one each" if group.device.type == "cuda" else "the same cores, divided"
        print(f"\nSeconds per step of {chosen.batch} images of {SIZE} px; {where}. {machine_words(found)}")
        write_out(chosen.out, {"machine": found, "batch": chosen.batch, "seconds_per_step": numbers})
    group.leave()


def main() -> int:
    chosen = options()
    if among_several():
        measure(chosen)
        return 0
    with tempfile.TemporaryDirectory() as logs:
        where = ("--standalone", f"--nproc-per-node={chosen.processes}", f"--log-dir={logs}")
        command = (*TORCHRUN, *where, "-m", "benchmarks.parallel_step", *sys.argv[1:])
        return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(cores())}).returncode


if __name__ == "__main__":
    sys.exit(main())
