"""Supervised training: one loop for base models and references, resumed exactly where it was interrupted.

Everything random in an epoch (order, augmentation, dropout) is drawn from the seed and the epoch's number
alone. So a checkpoint needs no random states, and an interrupted training ends with the same weights, bit
for bit on the CPU with the same number of threads.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.data.batches import Split
from cu_core.data.views import augmentation
from cu_core.device import Precision, memory_errors
from cu_core.errors import DatasetError, Diverged
from cu_core.models.network import Network
from cu_core.models.weights import portable
from cu_core.runs.files import write_atomically
from cu_core.spec import TrainSpec, digest

# One-cycle as in Smith & Topin 2017 with the constants of torch.optim.lr_scheduler.OneCycleLR.
WARM_UP = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4
# Steps between looks at the loss: each look makes a GPU wait for its queue to drain.
LOOK_EVERY = 50
CHECKPOINT = 1


@dataclass(frozen=True)
class EpochReport:
    """Progress after one epoch.

    Attributes:
        epoch: number of complete epochs.
        epochs: number of epochs wanted.
        loss: mean cross-entropy over the epoch's samples, as they were trained on.
        accuracy: share of them that was right when they were trained on.
        seconds: training time so far, interrupted attempts included.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """What a training took.

    Attributes:
        seconds: training time, interrupted attempts included.
        epochs: number of epochs that the weights have seen.
        resumed_from: number of epochs that came from a checkpoint.
    """

    seconds: float
    epochs: int
    resumed_from: int


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
) -> TrainResult:
    """Trains a model in place with cross-entropy; leaves it in evaluation mode.

    A single sample left over at the end of an epoch joins the batch before it (`Split.epoch`), because batch
    normalisation cannot train on one.

    Args:
        model: on the device already; see `Precision.place`.
        split: the training samples; its random state and augmentation are not used.
        spec: epochs, batch size, optimizer, schedule, augmentation.
        seed: decides order, augmentation and dropout.
        device: where to compute.
        precision: mixed-precision policy.
        checkpoint: file written after each epoch and, if it belongs to this very training, resumed from;
            a damaged one is ignored. None keeps nothing.
        on_epoch: called after each epoch, once its checkpoint is written; may raise to stop.
        check: called before each step; may raise to stop.

    Raises:
        DatasetError: fewer than two samples.
        Diverged: the loss is not a finite number.
        OutOfMemory: the batch does not fit.
    """
    if len(split) < 2:
        raise DatasetError("data", f"{len(split)} training samples are too few, two are needed")
    generator = torch.Generator()
    samples = Split(split.source, split.indices, generator, augmentation(spec.augment))
    training = _Training(model, samples, spec, precision, fingerprint(model, split, spec, seed, precision))
    if checkpoint is not None:
        training.resume(checkpoint)
    resumed_from = training.epoch
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # nearly all batches have one shape
    with memory_errors(f"the batch size (train.batch_size, now {spec.batch_size}) or the image size"):
        while training.epoch < spec.epochs:
            chosen = epoch_seed(seed, training.epoch)
            generator.manual_seed(chosen)
            torch.manual_seed(chosen)
            report = training.run_epoch(check)
            if checkpoint is not None:
                training.save(checkpoint)
            on_epoch(report)
    model.eval()
    return TrainResult(training.seconds, training.epoch, resumed_from)


class _Training:
    """Model, optimizer and what has been done so far."""

    def __init__(self, model: Network, samples: Split, spec: TrainSpec, precision: Precision, fingerprint: str) -> None:
        self.model = model
        self.samples = samples
        self.spec = spec
        self.precision = precision
        self.fingerprint = fingerprint
        self.optimizer = make_optimizer(model, spec)
        self.scaler = precision.scaler()
        self.epoch = 0
        self.seconds = 0.0

    def run_epoch(self, check: Callable[[], None]) -> EpochReport:
        began = time.perf_counter()
        self.model.train()
        steps = self.samples.steps(self.spec.batch_size)
        device = self.samples.source.device
        loss_sum = torch.zeros((), device=device)
        right = torch.zeros((), device=device, dtype=torch.int64)
        for step, (images, labels, _) in enumerate(self.samples.epoch(self.spec.batch_size)):
            check()
            rate = learning_rate(self.spec, self.epoch * steps + step, self.spec.epochs * steps)
            loss, logits = self._step(images, labels, rate)
            loss_sum += loss * len(labels)
            right += (logits.argmax(1) == labels).sum()
            if step % LOOK_EVERY == 0 or step == steps - 1:
                self._require_finite(loss_sum)
        self.epoch += 1
        self.seconds += time.perf_counter() - began
        total = len(self.samples)
        return EpochReport(self.epoch, self.spec.epochs, loss_sum.item() / total, right.item() / total, self.seconds)

    def _step(self, images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self.precision.autocast():
            logits = self.model(self.precision.images(images))
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach(), logits.detach()

    def _require_finite(self, loss_sum: Tensor) -> None:
        if not math.isfinite(loss_sum.item()):
            raise Diverged(
                f"Training diverged: the loss is not a finite number in epoch {self.epoch + 1} of {self.spec.epochs}. "
                f"Lower the learning rate (train.lr, now {self.spec.lr:g})."
            )

    def save(self, path: Path) -> None:
        state = {
            "fingerprint": self.fingerprint,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "model": portable(self.model),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        _write_sealed(path, state)

    def resume(self, path: Path) -> None:
        state = _read_sealed(path)
        if state is None or state.get("fingerprint") != self.fingerprint:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.epoch = state["epoch"]
        self.seconds = state["seconds"]


def make_optimizer(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """SGD with momentum, Adam or AdamW, over all parameters."""
    if spec.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    if spec.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    return torch.optim.SGD(model.parameters(), lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """The step size of one step.

    Args:
        spec: peak step size and schedule.
        step: number of steps before this one.
        steps: number of steps of the whole training.

    Returns:
        constant: the peak. cosine: from the peak along half a cosine towards 0 after the last step. one-cycle: from
        1/25 of the peak up to it over 30 % of the steps and down again, both along half a cosine.
    """
    if spec.schedule == "constant":
        return spec.lr
    if spec.schedule == "cosine":
        return _between(spec.lr, 0.0, step / steps)
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
    return digest([CHECKPOINT, dataclasses.asdict(spec), seed, samples, shapes, precision.name])


def _write_sealed(path: Path, state: dict[str, Any]) -> None:
    """Writes a state behind the SHA-256 of its bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    sealed = hashlib.sha256(content).digest() + content

    def write(file: IO[bytes]) -> None:
        file.write(sealed)

    write_atomically(path, write)


def _read_sealed(path: Path) -> dict[str, Any] | None:
    """Reads what `_write_sealed` wrote; None where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    seal, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != seal:
        return None
    return torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
