"""A training epoch of Unlearnscope against the loop that a user would otherwise write, and what both models know.

    .venv/bin/python -m benchmarks.train_step --data folder:cifar10.zip

Both sides train the same network from the same weights with the same optimizer, schedule, batch size and augmentation
(random crop, mirroring, normalising), epoch by epoch in turns. Theirs is plain PyTorch in float32 with torchvision's
transforms in a DataLoader, the best of several (`usual_loop`); ours is `Training` as a run's worker has it. The first
epoch of each seed warms up and is left out of the ratio. Where ``--precision auto`` is not float32, compare like with
like by a second run with ``--precision fp32``, and name both. Our augmentation is also timed alone, over a pass
through the images, as a share of our epoch.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import gpu_share
from benchmarks.measuring import Ratio, Side, machine, machine_words, table, timed, write_out
from benchmarks.usual_loop import best_way, loader, second_pass_seconds, ways
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_key, prepare
from cu_core.data.views import Augment, augmentation
from cu_core.engine.signals import forward
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_device, choose_precision
from cu_core.learning.network import Network
from cu_core.learning.training import Training, learning_rate, make_optimizer

# Images of the trial epochs that decide how the other side loads its images.
TRIAL = 2048
KEPT = ("seconds", "accuracy", "precision", "augmentation", "tried", "chosen")


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        home: folder with the prepared dataset.
        key: name of the dataset in it.
        backbone: of the network.
        batch: images per step.
        epochs: per seed.
        seeds: how many.
        device: where.
        precision: of our side; theirs is float32.
        workers: numbers of loading processes that the other side tries.
        warm_epochs: epochs at the start of each seed that do not count.
    """

    home: str
    key: str
    backbone: str
    batch: int
    epochs: int
    seeds: int
    device: str
    precision: str
    workers: tuple[int, ...] = (0, 1, 2)
    warm_epochs: int = 1

    @property
    def recipe(self) -> TrainSpec:
        """How both sides train."""
        return TrainSpec(epochs=self.epochs, batch_size=self.batch, lr=0.1, schedule="one-cycle", augment="crop-flip")

    def data(self) -> ImageData:
        """The prepared dataset."""
        data = open_key(self.key, Home(Path(self.home)))
        assert data is not None
        return data

    def network(self, data: ImageData, seed: int) -> Network:
        """The untrained network of a seed."""
        spec = ModelSpec(backbone=self.backbone)
        channels, size = data.train_images.shape[1], data.train_images.shape[-1]
        return build_model(spec, channels, size, len(data.classes), seed, "supervised")


def ours(plan: Plan) -> Iterator[dict[str, Any]]:
    """Our side: per seed ``seconds`` of each epoch, then ``accuracy`` on the test images."""
    data, device = plan.data(), choose_device(plan.device)
    precision = choose_precision(plan.precision, device)
    source, test = ImageSource.train(data, device), ImageSource.test(data, device)
    torch.backends.cudnn.benchmark = True  # as `cu_core.learning.training.train` sets it
    for seed in range(plan.seeds):
        model = plan.network(data, seed)
        precision.place(model, device)
        split = Split(source, np.arange(len(source)), torch.Generator())
        training = Training(model, split, plan.recipe, seed, precision)
        for _ in range(plan.epochs):
            yield {"seconds": timed(partial(training.run_epoch, _nothing), device)}
        shape = data.train_images.shape[1:]
        augment = partial(augmenting, source, augmentation(plan.recipe.augment), plan.batch, shape)
        yield {"accuracy": accuracy(model, test), "precision": precision.name, "augment": timed(augment, device)}


def augmenting(source: ImageSource, augment: Augment | None, batch: int, shape: tuple[int, ...]) -> None:
    """Augments every image of a source once, in batches, and does nothing else with them."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.zeros(batch, *shape, dtype=torch.uint8, device=source.device)
    for _ in range(-(-len(source) // batch)):
        if augment is not None:
            augment(pixels, generator)


def _nothing() -> None:
    """Nobody cancels."""


def theirs(plan: Plan) -> Iterator[dict[str, Any]]:
    """The other side: first ``tried``, the seconds of each way of loading, and ``chosen``; then as `ours`."""
    data, device = plan.data(), choose_device(plan.device)
    test = ImageSource.test(data, device)
    trial = np.arange(min(TRIAL, len(data.train_labels)))
    usual = Usual(plan, data, 0, device)
    chosen, tried = best_way(
        ways(plan.workers),
        lambda way: second_pass_seconds(loader(data, trial, way, plan.batch, device, augment=True), usual.step),
    )
    yield {"tried": tried, "chosen": chosen.words()}
    batches = loader(data, np.arange(len(data.train_labels)), chosen, plan.batch, device, augment=True)
    for seed in range(plan.seeds):
        usual = Usual(plan, data, seed, device)
        torch.manual_seed(seed)
        usual.steps = plan.epochs * len(batches)
        for _ in range(plan.epochs):
            yield {"seconds": timed(partial(usual.epoch, batches), device)}
        usual.model.eval()
        yield {"accuracy": accuracy(usual.model, test)}


class Usual:
    """Network and optimizer of the loop that a user would write."""

    def __init__(self, plan: Plan, data: ImageData, seed: int, device: torch.device) -> None:
        self.device = device
        self.recipe = plan.recipe
        self.model = plan.network(data, seed).to(device).train()
        self.optimizer = make_optimizer(self.model, self.recipe)
        self.steps = 0
        self.done = 0

    def step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        """One step; without a number of steps at the schedule's peak."""
        images, labels = (part.to(self.device, non_blocking=True) for part in batch)
        rate = learning_rate(self.recipe, self.done, self.steps) if self.steps else self.recipe.lr
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        F.cross_entropy(self.model(images), labels).backward()
        self.optimizer.step()
        self.done += 1

    def epoch(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """One pass."""
        for batch in batches:
            self.step(batch)


def accuracy(model: Network, test: ImageSource) -> float:
    """Share of the test images that a model names rightly."""
    found = forward(model, test, np.arange(len(test)))
    return float((found.prediction == found.labels).mean())


def measure(plan: Plan) -> dict[str, Any]:
    """Both sides in turns.

    Returns:
        ``ratio`` (theirs by ours), ``seconds`` of both sides, ``accuracy`` of both per seed, our ``precision``, per
        seed the share of our epoch that ``augmentation`` takes, ``tried``, ``chosen``.
    """
    shares: list[float] = []
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    right: dict[str, list[float]] = {"ours": [], "theirs": []}
    with Side(ours, plan, own_memory=True) as first, Side(theirs, plan) as second:
        loading = second.next()
        for _ in range(plan.seeds):
            for epoch in range(plan.epochs):
                pair = first.next()["seconds"], second.next()["seconds"]
                if epoch >= plan.warm_epochs:
                    seconds["ours"].append(pair[0])
                    seconds["theirs"].append(pair[1])
            mine = first.next()
            right["ours"].append(mine["accuracy"])
            right["theirs"].append(second.next()["accuracy"])
            # Of the epoch before it, so that a load from outside falls on both.
            shares.append(mine["augment"] / seconds["ours"][-1])
    found = {"ratio": Ratio.of(seconds["ours"], seconds["theirs"]), "seconds": seconds, "accuracy": right}
    return found | {"precision": mine["precision"], "augmentation": shares} | loading


def spread_words(values: Sequence[float]) -> str:
    """Mean and, of more than one seed, standard deviation in percent."""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.fmean(values):.1f}{spread} %"


def difference_words(mine: Sequence[float], other: Sequence[float]) -> str:
    """Difference of two means over seeds with twice its standard error, in points.

    Args:
        mine: (k,) accuracies, one per seed.
        other: (k,) of the other side.
    """
    if len(mine) < 2:
        return "one seed says nothing of the noise between seeds"
    gap = statistics.fmean(mine) - statistics.fmean(other)
    error = ((statistics.variance(mine) + statistics.variance(other)) / len(mine)) ** 0.5
    verdict = "within" if abs(gap) <= 2 * error else "beyond"
    return f"{100 * gap:+.1f} points, {verdict} two standard errors ({200 * error:.1f})"


def add_options(parser: argparse.ArgumentParser, epochs: str) -> None:
    """What both benchmarks of steps can be asked for; `epochs` says what their number means."""
    parser.add_argument("--data", default="cifar10", help="cifar10 (downloaded) or folder:PATH of images")
    parser.add_argument("--images", type=int, default=8000, help="training images")
    parser.add_argument("--backbone", default="resnet8")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4, help=epochs)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="of our side; theirs is float32")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="that the other side tries")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")


def plan_of(options: argparse.Namespace, folder: str) -> tuple[Plan, ImageData]:
    """The plan that the options ask for, and its images, prepared in a home in a folder."""
    home = Home(Path(folder)).create()
    data = prepare(DataSpec(dataset=options.data, train_limit=options.images), home)
    key = next(path.parent.name for path in home.datasets.glob("*/meta.json"))
    chosen = {name: getattr(options, name) for name in ("backbone", "batch", "epochs", "seeds", "device", "precision")}
    return Plan(folder, key, **chosen, workers=tuple(options.workers)), data


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_options(parser, epochs="per seed; the first one warms up")
    options = parser.parse_args(arguments)
    try:
        device = choose_device(options.device)
        where = machine(device)
        with tempfile.TemporaryDirectory() as folder:
            plan, data = plan_of(options, folder)
            found = measure(plan)
            share = gpu_share.report(plan.network(data, 0), data, plan.recipe, options.precision, device)
    except (UnlearnscopeError, RuntimeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    ratio, right = found["ratio"], found["accuracy"]
    images = len(data.train_labels)
    print(machine_words(where))
    print(f"{options.backbone}, {images} images of {data.train_images.shape[-1]} px, batch {options.batch}")
    print(f"Theirs: {found['chosen']}, the fastest of {len(found['tried'])} ways of loading")
    print(
        table(
            ["", "an epoch", "images/s", "accuracy"],
            [
                [
                    name,
                    f"{statistics.median(found['seconds'][name]):.2f} s",
                    f"{images / statistics.median(found['seconds'][name]):.0f}",
                    spread_words(right[name]),
                ]
                for name in ("ours", "theirs")
            ],
        )
    )
    told = f"ours in {found['precision']}, theirs in fp32"
    print(f"Ratio: {ratio.words()} over {ratio.turns} turns (median, quartiles), {told}")
    print(f"Augmentation: {100 * statistics.median(found['augmentation']):.1f} % of our epoch")
    print(f"Accuracy, ours minus theirs over {plan.seeds} seeds: {difference_words(right['ours'], right['theirs'])}")
    print(share.words)
    content = {"machine": where, "plan": vars(plan) | {"images": images}, "ratio": vars(ratio), "gpu": share.numbers}
    write_out(options.out, content | {name: found[name] for name in KEPT})
    return 0


if __name__ == "__main__":
    sys.exit(main())
