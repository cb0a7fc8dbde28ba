"""Two trainings beside each other with half of the threads each, against one after the other with all of them.

    .venv/bin/python -m benchmarks.references_beside --out beside.json

References of a run are independent of each other, so they could be trained beside each other. Whether that is faster
depends on how well a step divides between threads. Both ways take as many steps on noise in turns, in processes of
their own: one process with all threads takes 2·k steps; two with half of the threads take k each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import Ratio, Side, machine, machine_words, table, write_out
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.learning.device import choose_precision
from cu_core.learning.timed_step import TimedStep

CPU = torch.device("cpu")
CASES = ("airbench-s:32:512:4", "resnet8:32:128:8", "tiny-cnn:8:64:300")
"""Network, image size in pixels, batch size, steps of either training a turn."""


def trainer(case: str, precision: str, threads: int) -> Iterator[float]:
    """One process that trains: first 0 once it is warm, then whatever is asked of it.

    Args:
        case: as in `CASES`.
        precision: ``"fp32"`` or ``"bf16"``.
        threads: of this process.

    Yields:
        Seconds of one turn: the case's steps twice with all threads, once with half of them.
    """
    network, size, batch, steps = case.split(":")
    whole = torch.get_num_threads()
    torch.set_num_threads(threads)
    spec = RunSpec(model=ModelSpec(network), train=TrainSpec(batch_size=int(batch)))
    step, chosen = TimedStep(spec, 3, int(size), 10, CPU), choose_precision(precision, CPU)
    for _ in range(3):
        step.seconds(chosen)
    yield 0.0
    while True:
        yield sum(step.seconds(chosen) for _ in range(int(steps) * (2 if threads >= whole else 1)))


def beside(sides: Sequence[Side]) -> float:
    """Seconds until the last of some sides has done a turn that all begin at once."""
    for side in sides:
        side.begin()
    return max(float(side.end()) for side in sides)


def measure(case: str, precision: str, turns: int) -> Ratio:
    """Both ways in turns; the ratio says how many times as long one after the other takes."""
    whole = torch.get_num_threads()
    half = max(whole // 2, 1)
    after, together = [], []
    with (
        Side(trainer, case, precision, whole, own_memory=True) as one,
        Side(trainer, case, precision, half, own_memory=True) as first,
        Side(trainer, case, precision, half, own_memory=True) as second,
    ):
        for side in (one, first, second):
            side.next()
        for _ in range(turns):
            after.append(float(one.next()))
            together.append(beside([first, second]))
    return Ratio.of(together, after)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), help="NETWORK:PIXELS:BATCH:STEPS")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    where, rows, kept = machine(CPU), [], []
    print(machine_words(where), flush=True)
    if where["threads"] < 2:
        print("failed: with one thread there is nothing to divide; unset OMP_NUM_THREADS", file=sys.stderr)
        return 1
    try:
        for case in options.cases:
            if case.partition(":")[0] not in BACKBONES:
                print(f"Left out: this version has no {case.partition(':')[0]}")
                continue
            for precision in options.precisions:
                found = measure(case, precision, options.turns)
                rows.append([case, precision, f"{found.other:.2f} s", f"{found.mine:.2f} s", found.words()])
                kept.append({"case": case, "precision": precision, "ratio": vars(found)})
    except (UnlearnscopeError, RuntimeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(table(["case", "precision", "one after the other", "beside each other", "times as fast"], rows))
    content: dict[str, Any] = {"machine": where, "cases": kept}
    write_out(options.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
