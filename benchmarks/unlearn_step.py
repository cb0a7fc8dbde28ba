"""A round of contrastive unlearning against the loop that a user would otherwise write, and what both models forget.

    .venv/bin/python -m benchmarks.unlearn_step --data folder:cifar10.zip

One base model is trained first. Then both sides make it forget the same samples with the same loss, step size, batches
and number of retain batches, round by round in turns. Theirs is plain PyTorch in float32 that loads forget and retain
images through DataLoaders with torchvision's transforms, the best of several (`benchmarks.usual_loop`); neither side
augments, since contrastive unlearning does not. Ours is `cu_core.methods.contrastive` as a run's worker has it. The
first round of each seed warms up and is left out of the ratio.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.measuring import Ratio, Side, machine, machine_words, table, timed, write_out
from benchmarks.train_step import Plan, accuracy, add_options, difference_words, plan_of, spread_words
from benchmarks.usual_loop import best_way, endless, loader, second_pass_seconds, ways
from cu_core.base.errors import UnlearnscopeError
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.engine.signals import forward
from cu_core.learning.device import choose_device, choose_precision, seed_everything
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.learning.training import Training
from cu_core.methods.context import Context
from cu_core.methods.contrastive import ContrastiveParams, contrastive_unlearning_loss, unlearn

TRIAL = 1024


@dataclass(frozen=True)
class Task:
    """What is forgotten.

    Attributes:
        plan: data, network and device; its epochs are those of the base model.
        base: file with the base model's weights.
        forget: number of training images to forget, drawn at random.
        rounds: per seed; the first one warms up.
    """

    plan: Plan
    base: str
    forget: int
    rounds: int

    @property
    def params(self) -> ContrastiveParams:
        """Hyper-parameters of both sides."""
        return ContrastiveParams(batch_size=self.plan.batch)

    def samples(self, data: ImageData) -> tuple[np.ndarray, np.ndarray]:
        """Places of forget and retain samples."""
        order = np.random.default_rng(0).permutation(len(data.train_labels))
        return np.sort(order[: self.forget]), np.sort(order[self.forget :])

    def model(self, data: ImageData) -> Network:
        """The base model."""
        model = self.plan.network(data, 0)
        model.load_state_dict(torch.load(self.base, weights_only=True))
        return model


def train_base(plan: Plan, data: ImageData, path: Path) -> None:
    """Trains the base model of both sides and writes its weights."""
    device = choose_device(plan.device)
    precision = choose_precision(plan.precision, device)
    model = plan.network(data, 0)
    precision.place(model, device)
    source = ImageSource.train(data, device)
    split = Split(source, np.arange(len(source)), torch.Generator())
    training = Training(model, split, plan.recipe, 0, precision)
    for _ in range(plan.epochs):
        training.run_epoch(lambda: None)
    torch.save({name: value.cpu() for name, value in model.state_dict().items()}, path)


def ours(task: Task) -> Iterator[dict[str, Any]]:
    """Our side: per seed ``seconds`` of each round, then ``forget`` and ``unseen`` accuracy."""
    data, device = task.plan.data(), choose_device(task.plan.device)
    source, test = ImageSource.train(data, device), ImageSource.test(data, device)
    forget, retain = task.samples(data)
    precision = choose_precision(task.plan.precision, device)
    for seed in range(task.plan.seeds):
        model = task.model(data).train()
        precision.place(model, device)
        seed_everything(seed)
        generator = torch.Generator().manual_seed(seed)
        context = Context(
            model=model,
            forget=Split(source, forget, generator),
            retain=Split(source, retain, generator),
            task="sample",
            loss=F.cross_entropy,
            objective=make_objective(task.plan.recipe, model, len(source)),
            device=device,
            precision=precision,
            generator=generator,
            classes=len(data.classes),
            recipe=task.plan.recipe,
            fresh=lambda seed: task.plan.network(data, seed),
            max_rounds=task.rounds,
        )
        rounds = unlearn(context, task.params)
        for _ in range(task.rounds):
            yield {"seconds": timed(rounds.__next__, device)}
        yield accuracies(model, source, forget, test)


def precision_words(plan: Plan) -> str:
    """In which numbers both sides compute."""
    mine = choose_precision(plan.precision, choose_device(plan.device)).name
    return f"ours in {mine}, theirs in fp32"


def theirs(task: Task) -> Iterator[dict[str, Any]]:
    """The other side: first ``tried`` and ``chosen`` ways of loading, then as `ours`."""
    plan = task.plan
    data, device = plan.data(), choose_device(plan.device)
    source, test = ImageSource.train(data, device), ImageSource.test(data, device)
    forget, retain = task.samples(data)
    usual = Usual(task, data, device)
    chosen, tried = best_way(
        ways(plan.workers),
        lambda way: second_pass_seconds(
            loader(data, retain[:TRIAL], way, 2 * plan.batch, device, augment=False), usual.trial
        ),
    )
    yield {"tried": tried, "chosen": chosen.words()}
    forget_batches = loader(data, forget, chosen, plan.batch, device, augment=False)
    retain_batches = endless(loader(data, retain, chosen, plan.batch, device, augment=False))
    for seed in range(plan.seeds):
        torch.manual_seed(seed)
        usual = Usual(task, data, device)
        for _ in range(task.rounds):
            yield {"seconds": timed(lambda usual=usual: usual.round(forget_batches, retain_batches), device)}
        usual.model.eval()
        yield accuracies(usual.model, source, forget, test)


class Usual:
    """Network and optimizer of the loop that a user would write."""

    def __init__(self, task: Task, data: ImageData, device: torch.device) -> None:
        self.params = task.params
        self.device = device
        self.model = task.model(data).to(device).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=self.params.lr, momentum=self.params.momentum)

    def round(self, forget: DataLoader[tuple[Tensor, Tensor]], retain: Iterator[tuple[Tensor, Tensor]]) -> None:
        """One pass over the forget set, with fresh retain batches for each of its batches."""
        for x_forget, y_forget in forget:
            for _ in range(self.params.retain_batches):
                x_retain, y_retain = next(retain)
                self.step(torch.cat([x_forget, x_retain]), torch.cat([y_forget, y_retain]), len(y_forget))

    def trial(self, batch: tuple[Tensor, Tensor]) -> None:
        """A step on the halves of one batch, to see which way of loading suits it."""
        self.step(*batch, len(batch[1]) // 2)

    def step(self, images: Tensor, labels: Tensor, forgotten: int) -> None:
        """One step; the first so many samples are forget samples."""
        images, labels = (part.to(self.device, non_blocking=True) for part in (images, labels))
        outputs = self.model.outputs(images)
        contrast = contrastive_unlearning_loss(
            outputs.embedding[:forgotten],
            labels[:forgotten],
            outputs.embedding[forgotten:],
            labels[forgotten:],
            self.params.temperature,
            "sample",
        )
        retain = F.cross_entropy(outputs.logits[forgotten:], labels[forgotten:])
        self.optimizer.zero_grad()
        (self.params.unlearn_weight * contrast + self.params.retain_weight * retain).backward()
        self.optimizer.step()


def accuracies(model: Network, source: ImageSource, forget: np.ndarray, test: ImageSource) -> dict[str, float]:
    """Accuracy on forget samples and on test images."""
    found = forward(model, source, forget)
    return {"forget": float((found.prediction == found.labels).mean()), "unseen": accuracy(model, test)}


def measure(task: Task, warm: int = 1) -> dict[str, Any]:
    """Both sides in turns.

    Args:
        task: what is forgotten.
        warm: rounds at the start of each seed that do not count.

    Returns:
        ``ratio`` (theirs by ours), ``seconds`` of both sides, ``forget`` and ``unseen`` accuracy of both per seed,
        ``tried``, ``chosen``.
    """
    names = ("ours", "theirs")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    right: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in names} for kind in ("forget", "unseen")}
    with Side(ours, task, own_memory=True) as first, Side(theirs, task) as second:
        loading = second.next()
        for _ in range(task.plan.seeds):
            for number in range(task.rounds):
                pair = first.next()["seconds"], second.next()["seconds"]
                if number >= warm:
                    seconds["ours"].append(pair[0])
                    seconds["theirs"].append(pair[1])
            for name, side in zip(names, (first, second), strict=True):
                for kind, value in side.next().items():
                    right[kind][name].append(value)
    return {"ratio": Ratio.of(seconds["ours"], seconds["theirs"]), "seconds": seconds} | right | loading


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_options(parser, epochs="of the base model")
    parser.add_argument("--forget", type=int, default=512, help="how many of the images are forgotten")
    parser.add_argument("--rounds", type=int, default=5, help="per seed; the first one warms up")
    options = parser.parse_args(arguments)
    try:
        where = machine(choose_device(options.device))
        with tempfile.TemporaryDirectory() as folder:
            plan, data = plan_of(options, folder)
            base = Path(folder) / "base.pt"
            train_base(plan, data, base)
            task = Task(plan, str(base), options.forget, options.rounds)
            found = measure(task)
            images = len(data.train_labels)
    except (UnlearnscopeError, RuntimeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    ratio = found["ratio"]
    print(machine_words(where))
    print(f"{options.backbone}, {options.forget} of {images} images are forgotten, batch {options.batch}")
    print(f"Theirs: {found['chosen']}, the fastest of {len(found['tried'])} ways of loading")
    rows = []
    for name in ("ours", "theirs"):
        middle = statistics.median(found["seconds"][name])
        rows.append([name, f"{middle:.2f} s", *(spread_words(found[kind][name]) for kind in ("forget", "unseen"))])
    print(table(["", "a round", "forget accuracy", "unseen accuracy"], rows))
    print(f"Ratio: {ratio.words()} over {ratio.turns} turns (median, quartiles), {precision_words(plan)}")
    for kind in ("forget", "unseen"):
        told = difference_words(found[kind]["ours"], found[kind]["theirs"])
        print(f"Accuracy ({kind}), ours minus theirs over {plan.seeds} seeds: {told}")
    content = {"machine": where, "task": dataclasses.asdict(task), "ratio": vars(ratio)}
    kept = ("seconds", "forget", "unseen", "tried", "chosen")
    write_out(options.out, content | {name: found[name] for name in kept})
    return 0


if __name__ == "__main__":
    sys.exit(main())
