"""The training loop for classifiers and encoders, base models and references, with bit-exact resume.

Everything random in an epoch (order, augmentation, views, dropout) is drawn from the seed and the epoch's number
alone. So a checkpoint needs no random states, and an interrupted training ends with the same weights, bit
for bit on the CPU with the same number of threads. What an objective remembers (queue, slow copy) is part of it.
"""

from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from cu_core.base.errors import DatasetError, Diverged
from cu_core.base.files import write_atomically
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.spec import digest
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.alternating import AlternatingMirror
from cu_core.data.batches import Split
from cu_core.data.views import augmentation, shift
from cu_core.learning.device import Precision, memory_errors
from cu_core.learning.knn_monitor import KnnMonitor
from cu_core.learning.lookahead import Lookahead
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.learning.weights import load_safely, portable
from cu_core.learning.work_clock import WorkClock, total

# One-cycle as in Smith & Topin 2017 with the constants of torch.optim.lr_scheduler.OneCycleLR.
WARM_UP = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4
# Triangle of airbench (Jordan, arXiv 2404.00498): shares of the peak at the first step, and after the last one.
TRIANGLE = ((0.0, 0.2), (0.23, 1.0), (1.0, 0.07))
# What a trunk that prepares itself sees: this many images, and how many at a time.
PREPARED_FROM = 5_000
PREPARED_AT_ONCE = 500
# Keeps the draw of these images apart from those of the epochs.
PREPARE_STREAM = 2404
# Steps between checks that the loss is finite: each makes a GPU wait for its queue to drain.
CHECK_EVERY = 50
# A checkpoint is written after an epoch if this long has passed since the last one, and this many times what
# writing that one took: epochs may be much shorter than a write.
CHECKPOINT_SECONDS = 10.0
CHECKPOINT_RATIO = 20.0
CHECKPOINT = 2


@dataclass(frozen=True)
class EpochReport:
    """Progress after one epoch.

    Attributes:
        epoch: number of complete epochs.
        epochs: number of epochs wanted.
        loss: mean training loss over the epoch's samples, as they were trained on.
        accuracy: share of them that was classified correctly when they were trained on; None for encoders.
        knn: weighted-kNN accuracy of an encoder on some training images (`KnnMonitor`), as last
            measured; None for classifiers and before the first evaluation.
        seconds: training time so far, interrupted attempts included.
        where: which part of a training in shards this is, in words; empty for ordinary ones. There, epochs are counted
            over all parts.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float | None
    knn: float | None
    seconds: float
    where: str = ""


@dataclass(frozen=True)
class TrainResult:
    """What a training took.

    Attributes:
        seconds: training time, interrupted attempts included.
        epochs: number of epochs that the weights have seen.
        resumed_from: number of epochs that came from a checkpoint.
        cpu_seconds: of the processor or the device (`WorkClock`), interrupted attempts included; None if not known.
    """

    seconds: float
    epochs: int
    resumed_from: int
    cpu_seconds: float | None = None


def train(
    model: Network,
    split: Split,
    spec: TrainSpec,
    *,
    seed: int,
    device: torch.device,
    precision: Precision,
    checkpoint: Path | None,
    on_epoch: Callable[[EpochReport], None],
    check: Callable[[], None] = lambda: None,
    ready: Callable[[Training], None] = lambda training: None,
) -> TrainResult:
    """Trains a model in place with the specification's objective; leaves it in evaluation mode.

    A single sample left over at the end of an epoch joins the batch before it (`Split.epoch`), because batch
    normalisation cannot train on one.

    Args:
        model: on the device already; see `Precision.place`.
        split: the training samples; its random state and augmentation are not used.
        spec: objective, epochs, batch size, optimizer, schedule, augmentation.
        seed: decides order, augmentation, views and dropout.
        device: where to compute.
        precision: mixed-precision policy.
        checkpoint: file written after epochs, at most every `CHECKPOINT_SECONDS` but always after the last one,
            and resumed from if it belongs to this very training; a damaged one is ignored. None keeps nothing.
        on_epoch: called after each epoch, once its checkpoint is written if it gets one; may raise to stop.
        check: called before each step; may raise to stop.
        ready: called once before the first step, with what the checkpoint held taken up.

    Raises:
        DatasetError: fewer than two samples.
        Diverged: the loss is not a finite number.
        OutOfMemory: the batch does not fit.
    """
    training = Training(model, split, spec, seed, precision)
    if checkpoint is not None:
        training.resume(checkpoint)
    ready(training)
    pause = _Pause()
    resumed_from = training.epoch
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # nearly all batches have one shape
    with memory_errors(f"the batch size (train.batch_size, now {spec.batch_size}) or the image size"):
        while training.epoch < spec.epochs:
            report = training.run_epoch(check)
            if checkpoint is not None and (training.epoch == spec.epochs or pause.over()):
                pause.after(lambda: training.save(checkpoint))
            on_epoch(report)
    model.eval()
    return TrainResult(training.seconds, training.epoch, resumed_from, training.cpu_seconds)


class _Pause:
    """Time between two checkpoints."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.seconds = CHECKPOINT_SECONDS

    def over(self) -> bool:
        return time.monotonic() - self.since >= self.seconds

    def after(self, write: Callable[[], None]) -> None:
        began = time.monotonic()
        write()
        self.since = time.monotonic()
        self.seconds = max(CHECKPOINT_SECONDS, CHECKPOINT_RATIO * (self.since - began))


class Training:
    """A training in progress: model, objective, optimizer and what has been done so far.

    A trunk with a method ``prepare`` is shown the images before anything else happens: it is called with a function
    that gives up to `PREPARED_FROM` of them in batches as the network reads them, without augmentation, drawn with the
    seed. Whether they change anything is up to the trunk; weights that learned already should stay.

    Args:
        model: trained in place, on the device already.
        split: the training samples; its random state and augmentation are not used.
        spec: objective, epochs, batch size, optimizer, schedule, augmentation.
        seed: decides order, augmentation, views and dropout.
        precision: mixed-precision policy.
        mode: puts the network into training mode before an epoch; where a part of it is trained, that part alone.

    Attributes:
        epoch: number of complete epochs.
        seconds: time spent in them.
        cpu_seconds: the same of the processor or the device; None if not known.

    Raises:
        DatasetError: fewer than two samples.
    """

    def __init__(
        self,
        model: Network,
        split: Split,
        spec: TrainSpec,
        seed: int,
        precision: Precision,
        mode: Callable[[Network], object] = nn.Module.train,
    ) -> None:
        if len(split) < 2:
            raise DatasetError("data", f"{len(split)} training samples are too few, two are needed")
        record = objective(spec.objective)
        # Self-supervised losses draw views of their own.
        augment = augmentation(spec.augment) if record.reads("augment") else None
        self.mirror: AlternatingMirror | None = None
        if augment is not None and spec.augment == "shift-flip":
            augment, self.mirror = shift, AlternatingMirror(len(split.source), seed)
        _prepare(model, split, seed)
        self.generator = torch.Generator()
        self.model = model
        self.samples = samples = Split(split.source, split.indices, self.generator, augment)
        self.spec = spec
        self.seed = seed
        self.precision = precision
        self.mode = mode
        self.monitor = KnnMonitor(split, seed, record.cost) if record.self_supervised else None
        self.fingerprint = fingerprint(model, split, spec, seed, precision)
        self.objective = make_objective(spec, model, len(samples))
        self.optimizer = make_optimizer(model, spec)
        self.lookahead = Lookahead(model, spec.lookahead) if spec.lookahead else None
        self.scaler = precision.scaler()
        self.epoch = 0
        self.seconds = 0.0
        self.cpu_seconds: float | None = 0.0
        self.knn: float | None = None

    def run_epoch(self, check: Callable[[], None]) -> EpochReport:
        """One pass over the samples.

        Args:
            check: called before each step; may raise to stop.

        Raises:
            Diverged: the loss is not a finite number.
        """
        chosen = epoch_seed(self.seed, self.epoch)
        self.generator.manual_seed(chosen)
        torch.manual_seed(chosen)
        device = self.samples.source.device
        clock, began = WorkClock(device), time.perf_counter()
        mark = clock.mark()
        self.mode(self.model)
        steps = self.samples.steps(self.spec.batch_size)
        loss_sum = torch.zeros((), device=device)
        correct = torch.zeros((), device=device, dtype=torch.int64)
        for step, (images, labels, index) in enumerate(self.samples.epoch(self.spec.batch_size)):
            check()
            done, wanted = self.epoch * steps + step, self.spec.epochs * steps
            if self.mirror is not None:
                images = self.mirror(images, index, self.epoch)
            loss_sum += self._step(images, labels, learning_rate(self.spec, done, wanted)) * len(labels)
            if self.lookahead is not None:
                self.lookahead.after_step(self.model, done + 1, wanted)
            self.objective.after_step(self.model, (done + 1) / wanted)
            if self.objective.correct is not None:
                correct += self.objective.correct
            if step % CHECK_EVERY == 0 or step == steps - 1:
                self._require_finite(loss_sum)
        self.epoch += 1
        self.cpu_seconds = total(self.cpu_seconds, clock.since(mark))
        self.seconds += time.perf_counter() - began
        if self.monitor is not None and self.monitor.due(self.epoch, self.spec.epochs):
            self.knn = self.monitor.accuracy(self.model, self.precision)
        samples = len(self.samples)
        accuracy = None if self.monitor is not None else correct.item() / samples
        return EpochReport(self.epoch, self.spec.epochs, loss_sum.item() / samples, accuracy, self.knn, self.seconds)

    def _step(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self.precision.autocast():
            loss = self.objective(self.model, self.precision.images(images), labels, self.generator)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def _require_finite(self, loss_sum: Tensor) -> None:
        if not math.isfinite(loss_sum.item()):
            raise Diverged(
                f"Training diverged: the loss is not a finite number in epoch {self.epoch + 1} of {self.spec.epochs}. "
                f"Lower the learning rate (train.lr, now {self.spec.lr:g})."
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything but the samples, as tensors, numbers and texts."""
        averaged = {} if self.lookahead is None else {"lookahead": self.lookahead.state_dict()}
        return averaged | {
            "fingerprint": self.fingerprint,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "knn": self.knn,
            "model": portable(self.model),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state that `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.lookahead is not None:
            self.lookahead.load_state_dict(state["lookahead"])
        self.scaler.load_state_dict(state["scaler"])
        self.epoch = state["epoch"]
        self.seconds = state["seconds"]
        # Files of earlier versions do not tell.
        self.cpu_seconds = state.get("cpu_seconds")
        self.knn = state["knn"]

    def save(self, path: Path) -> None:
        """Writes the state into a file."""
        write_sealed(path, self.state_dict())

    def resume(self, path: Path) -> None:
        """Goes on from a file, if it is sound and belongs to this very training."""
        state = read_sealed(path)
        if state is not None and state.get("fingerprint") == self.fingerprint:
            self.load_state_dict(state)


def _prepare(model: Network, split: Split, seed: int) -> None:
    """Lets a trunk that wants to see the images before its training; see `Training`."""
    prepare = getattr(getattr(model, "trunk", None), "prepare", None)
    if prepare is None:
        return
    drawn = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, PREPARE_STREAM]).generate_state(1)[0]))

    def batches() -> Iterator[Tensor]:
        index = split.indices[torch.randperm(len(split), generator=drawn)[:PREPARED_FROM]]
        for some in index.split(PREPARED_AT_ONCE):
            yield split.source.take(some)[0]

    with torch.no_grad():
        prepare(batches)


def make_optimizer(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """SGD with momentum, Adam or AdamW, over all parameters."""
    if spec.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    if spec.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    # Without momentum there is nothing to look ahead along.
    nesterov = spec.nesterov and spec.momentum > 0
    return torch.optim.SGD(
        model.parameters(), lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay, nesterov=nesterov
    )


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """The step size of one step.

    Args:
        spec: peak step size and schedule.
        step: number of steps before this one.
        steps: number of steps of the whole training.

    Returns:
        constant: the peak. cosine: from the peak along half a cosine towards 0 after the last step. one-cycle: from
        1/25 of the peak up to it over 30 % of the steps and down again, both along half a cosine. triangle: along the
        straight lines through `TRIANGLE`.
    """
    if spec.schedule == "constant":
        return spec.lr
    if spec.schedule == "cosine":
        return _between(spec.lr, 0.0, step / steps)
    if spec.schedule == "triangle":
        shares, heights = zip(*TRIANGLE, strict=True)
        return spec.lr * float(np.interp(step / steps, shares, heights))
    start = spec.lr / START_DIVISOR
    peak = WARM_UP * steps - 1
    if step <= peak:
        return _between(start, spec.lr, step / peak if peak > 0 else 1.0)
    last = steps - 1
    return _between(spec.lr, start / END_DIVISOR, (step - peak) / (last - peak) if last > peak else 1.0)


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of everything random in one epoch, so that seeds and epochs do not share streams."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def fingerprint(model: nn.Module, split: Split, spec: TrainSpec, seed: int, precision: Precision) -> str:
    """Tells whether a checkpoint belongs to this training: SHA-256 over recipe, samples, shapes and start."""
    shapes = [[name, list(value.shape)] for name, value in model.state_dict().items()]
    samples = hashlib.sha256(split.indices.numpy().tobytes()).hexdigest()
    return digest([CHECKPOINT, spec.content(), seed, samples, shapes, precision.name])


def write_sealed(path: Path, state: dict[str, Any]) -> None:
    """Writes a state behind the SHA-256 of its bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    sealed = hashlib.sha256(content).digest() + content

    def write(file: IO[bytes]) -> None:
        file.write(sealed)

    write_atomically(path, write)


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Reads what `write_sealed` wrote, onto the CPU; None where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    seal, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != seal:
        return None
    try:
        state = load_safely(io.BytesIO(body))
    except Exception:  # sealed bytes that are no state fail in many ways; the work behind them can be done again
        return None
    return state if isinstance(state, dict) else None
