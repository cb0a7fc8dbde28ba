"""Contrastive unlearning (Lee et al., IJCAI 2025): loss (Eq. 5 and 6) and method (Eq. 7).

A forget sample is pushed away from retained samples of its own class and pulled towards retained
samples of the other classes, while cross-entropy on the same retain batch keeps the model useful. An
encoder has no classes to answer with: there, the loss of its own training takes that part, and labels
serve the contrast alone.
The paper's words "positive" and "negative" are avoided on purpose: there, positives are pushed away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods.context import Context
from cu_core.methods.embedding_queue import QueueContrast
from cu_core.methods.steps import Steps


@dataclass(frozen=True)
class ContrastiveStepParams:
    """Hyper-parameters of both variants; defaults are those of the released code and the rebuttal."""

    lr: float = param(
        1e-3,
        "Learning rate",
        "Step size of SGD.",
        low=1e-7,
        high=10.0,
        search=(1e-4, 0.1),
        log=True,
        paper="1e-3 (released code)",
    )
    momentum: float = param(
        0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper="0.9 (released code)", advanced=True
    )
    temperature: float = param(
        0.7,
        "Temperature τ",
        "Divides the cosine similarities; smaller is sharper.",
        low=0.01,
        high=10.0,
        search=(0.05, 2.0),
        log=True,
        paper="0.7 (released code)",
    )
    unlearn_weight: float = param(
        3.0,
        "Weight λ_UL",
        "Weight of the unlearning loss.",
        low=0.0,
        high=1000.0,
        search=(0.1, 10.0),
        paper="3 (released code)",
    )
    retain_weight: float = param(
        1.0,
        "Weight λ_CE",
        "Weight of cross-entropy on retain samples; of the self-supervised loss where an encoder unlearns.",
        low=0.0,
        high=1000.0,
        paper="1 (released code)",
    )
    retain_batches: int = param(
        4,
        "Retain batches ω",
        "Fresh retain batches per forget batch.",
        low=1,
        high=64,
        search=(1, 8),
        paper="4 (ω ≤ 4, paper)",
    )
    batch_size: int = param(
        128,
        "Batch size",
        "Forget samples per step, and as many retain samples.",
        low=2,
        high=4096,
        unit="samples",
        paper="128 (rebuttal, reported tables)",
    )
    normalize: bool = param(
        True,
        "Normalise embeddings",
        "Off is the ablation that reviewers asked for: the loss is then unbounded.",
        paper="on",
        advanced=True,
    )


@dataclass(frozen=True)
class ContrastiveParams(ContrastiveStepParams):
    """Hyper-parameters of contrastive unlearning."""

    weighting: str = param(
        "paper",
        "Weighting",
        "paper: Eq. 5 as printed; released: the released code's extra weight M/n on the same-class term.",
        choices=("paper", "released"),
        paper="Eq. 5",
        advanced=True,
    )
    queue: int = param(
        0,
        "Queue length",
        "Contrast against this many recent retain embeddings instead of the batch; 0 switches the queue off.",
        low=0,
        high=65536,
        unit="embeddings",
        special="0 = no queue",
        otherwise=("queue of", 256),
        paper="2000 (queue variant of the rebuttal)",
        advanced=True,
    )


@dataclass(frozen=True)
class ContrastiveQueueParams(ContrastiveStepParams):
    """Hyper-parameters of the queue variant."""

    queue: int = param(
        2000,
        "Queue length",
        "Retain embeddings that a forget sample is contrasted with, the latest ones.",
        low=1,
        high=65536,
        unit="embeddings",
        paper="2000 (queue variant of the rebuttal)",
    )
    key_momentum: float = param(
        0.0,
        "Key momentum m",
        "The queue's embeddings come from a slow copy of the network, which keeps this share of itself in each step; "
        "0 takes the network itself.",
        low=0.0,
        high=0.9999,
        special="0 = no slow copy",
        otherwise=("slow copy", 0.99),
        paper="0 (queue variant of the rebuttal, where the copy is switched off); 0.99 is usual",
        advanced=True,
    )


METHOD = Method(
    id="contrastive",
    title="Contrastive unlearning",
    summary="Pushes forget samples out of their class by contrasting them with retained samples of other classes.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), Eq. 5-7",
    params=ContrastiveParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    tasks=("class", "sample"),
    objectives=("supervised", "self-supervised"),
    needs_labels=True,
    needs="Labels, and ω retain batches per forget batch; an encoder needs the labels for unlearning alone.",
    fails="Class forgetting has no push: samples are only pulled to the mean of the others. Its weights are balanced "
    "by hand; and a batch of retain samples without the forget sample's class, as with many classes, has nothing to "
    "push it from.",
    rounds={"class": 20, "sample": 40},
)
CONTRASTIVE_QUEUE = Method(
    id="contrastive_queue",
    title="Contrastive unlearning, queue",
    summary="Contrasts forget samples with a long queue of retain embeddings in place of one batch of them.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), queue variant of the rebuttal",
    params=ContrastiveQueueParams,
    implementation=lambda: unlearn_queue,
    divided=by_all_processes,
    objectives=("supervised", "self-supervised"),
    needs="Labels, ω retain batches per forget batch, and a queue of retain embeddings.",
    fails="Weaker than the variant with batches: all entries of the queue, those of other classes too, repel in the "
    "softmax. Where a class is forgotten nothing in the queue shares its label, so what attracts is nearly what "
    "repels, and the loss only evens the similarities out.",
    rounds={"class": 20, "sample": 40},
)
METHODS.add(METHOD, CONTRASTIVE_QUEUE)


def contrastive_unlearning_loss(
    z_forget: torch.Tensor,
    y_forget: torch.Tensor,
    z_retain: torch.Tensor,
    y_retain: torch.Tensor,
    temperature: float,
    task: str,
    *,
    normalize: bool = True,
    weighting: str = "paper",
) -> torch.Tensor:
    """Contrastive unlearning loss of a forget batch against a retain batch.

    With S = z_forget z_retainᵀ / τ the loss of row i is, for samples (Eq. 5),
    ``logsumexp over same-class retain of S_ij - mean over other-class retain of S_ij``, and for
    classes (Eq. 6), where no retained sample shares the label,
    ``log n_i - mean over other-class retain of S_ij`` with n_i the number of other-class samples.
    In sample mode a row whose class is missing from the retain batch takes the class form; a row
    without any other-class sample is left out.

    Args:
        z_forget: (B, d) embeddings of forget samples, normalised or raw.
        y_forget: (B,) their labels.
        z_retain: (M, d) embeddings of retain samples.
        y_retain: (M,) their labels.
        temperature: τ > 0.
        task: ``"sample"`` (Eq. 5) or ``"class"`` (Eq. 6).
        normalize: L2-normalise the embeddings first; off is an ablation, unbounded below.
        weighting: ``"paper"``, or ``"released"`` to weigh the same-class term by M / n_i as the
            authors' released code does.

    Returns:
        Scalar mean over the rows that count; 0 (with a gradient of 0) if there are none.

    Raises:
        ValueError: unknown task or weighting, non-positive temperature, or shapes that do not match.

    Example:
        >>> z = torch.eye(3)
        >>> contrastive_unlearning_loss(z[:1], torch.tensor([0]), z, torch.tensor([0, 1, 1]), 1.0, "sample")
        tensor(1.)
    """
    if task not in ("sample", "class"):
        raise ValueError(f"task is {task!r}; allowed: 'sample', 'class'")
    if weighting not in ("paper", "released"):
        raise ValueError(f"weighting is {weighting!r}; allowed: 'paper', 'released'")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature!r}; it must be above 0")
    if z_forget.ndim != 2 or z_retain.ndim != 2 or z_forget.shape[1] != z_retain.shape[1]:
        raise ValueError(
            f"embeddings must be (B, d) and (M, d), not {tuple(z_forget.shape)} and {tuple(z_retain.shape)}"
        )
    if y_forget.shape != z_forget.shape[:1] or y_retain.shape != z_retain.shape[:1]:
        raise ValueError("labels must be (B,) and (M,), one for each embedding")

    # The similarities are divided by a small τ and exponentiated: keep them in full precision under autocast.
    z_forget, z_retain = z_forget.float(), z_retain.float()
    if normalize:
        z_forget, z_retain = (
            torch.nn.functional.normalize(z_forget, dim=1),
            torch.nn.functional.normalize(z_retain, dim=1),
        )
    similarity = z_forget @ z_retain.T / temperature
    same = y_forget[:, None] == y_retain[None, :]
    other_count = (~same).sum(1)
    counted = other_count > 0
    if not counted.any():
        return (similarity * 0).sum()

    pull = similarity.masked_fill(same, 0).sum(1) / other_count.clamp(min=1)
    push = other_count.clamp(min=1).to(similarity.dtype).log()
    if task == "sample":
        has_same = same.any(1)
        # Rows without a partner get a harmless finite row: logsumexp of -inf alone has a NaN gradient.
        masked = similarity.masked_fill(~same & has_same[:, None], -math.inf)
        logsumexp = masked.logsumexp(1)
        if weighting == "released":
            logsumexp = logsumexp * (len(y_retain) / other_count.clamp(min=1))
        push = torch.where(has_same, logsumexp, push)
    return (push - pull)[counted].mean()


class Contrast(Protocol):
    """What a forget batch is contrasted with: the retain batch of the same step, or more than that."""

    def begin_round(self) -> None:
        """Called before the first step of a round."""

    def __call__(
        self,
        forget: torch.Tensor,
        y_forget: torch.Tensor,
        retain: torch.Tensor,
        x_retain: torch.Tensor,
        y_retain: torch.Tensor,
    ) -> torch.Tensor:
        """The unlearning loss of a step.

        Args:
            forget: (b, d) embeddings of the forget batch.
            y_forget: (b,) its labels.
            retain: (m, d) embeddings of the retain batch.
            x_retain: (m, c, h, w) its images.
            y_retain: (m,) its labels.
        """

    def after_step(self) -> None:
        """Called after each step."""


class BatchContrast:
    """Contrast with the retain batch of the same step alone (Eq. 5 and 6)."""

    def __init__(self, context: Context, params: ContrastiveParams) -> None:
        self.task = context.task
        self.params = params

    def begin_round(self) -> None:
        """Nothing to prepare."""

    def __call__(
        self,
        forget: torch.Tensor,
        y_forget: torch.Tensor,
        retain: torch.Tensor,
        x_retain: torch.Tensor,
        y_retain: torch.Tensor,
    ) -> torch.Tensor:
        """See `contrastive_unlearning_loss`."""
        return contrastive_unlearning_loss(
            forget,
            y_forget,
            retain,
            y_retain,
            self.params.temperature,
            self.task,
            normalize=self.params.normalize,
            weighting=self.params.weighting,
        )

    def after_step(self) -> None:
        """Nothing to remember."""


def unlearn(context: Context, params: ContrastiveParams) -> Iterator[dict[str, float]]:
    """Contrastive unlearning, one pass over the forget set per round.

    For every forget batch, ω fresh random retain batches of the same size are drawn; each gives one
    step on ``λ_UL · contrastive loss + λ_CE · cross-entropy on the retain batch`` (Eq. 7), from one
    forward pass over both. SGD with momentum, constant learning rate, no weight decay. For an encoder
    the self-supervised loss on the retain batch stands in for cross-entropy; it draws views of its own.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, ``unlearn_loss``, ``retain_loss`` and the gradient norm (under fp16
        over the steps that loss scaling did not skip).
    """
    contrast = queue_contrast(context, params, 0.0) if params.queue else BatchContrast(context, params)
    return _rounds(context, params, contrast)


def unlearn_queue(context: Context, params: ContrastiveQueueParams) -> Iterator[dict[str, float]]:
    """Contrastive unlearning against a queue of retain embeddings; otherwise as `unlearn`.

    Source: queue variant of the authors' rebuttal. The queue is full before the first step, and its other-class
    entries are the ones that attract at all times.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        As `unlearn` does.
    """
    return _rounds(context, params, queue_contrast(context, params, params.key_momentum))


def queue_contrast(
    context: Context, params: ContrastiveParams | ContrastiveQueueParams, key_momentum: float
) -> QueueContrast:
    """The contrast with a queue that hyper-parameters ask for."""
    return QueueContrast(
        context,
        params.queue,
        batch_size=params.batch_size,
        temperature=params.temperature,
        normalize=params.normalize,
        key_momentum=key_momentum,
    )


def _rounds(context: Context, params: ContrastiveStepParams, contrast: Contrast) -> Iterator[dict[str, float]]:
    model, precision = context.model, context.precision
    steps = Steps(context, torch.optim.SGD(model.parameters(), lr=params.lr, momentum=params.momentum))
    for _ in context.rounds():
        contrast.begin_round()
        for x_forget, y_forget, _ in context.forget.epoch(params.batch_size):
            for _ in range(params.retain_batches):
                x_retain, y_retain, _ = context.retain.sample(max(len(y_forget), 2))
                with precision.autocast():
                    outputs = model.outputs(precision.images(torch.cat([x_forget, x_retain])))
                embedding = outputs.embedding if params.normalize else outputs.raw
                n = len(y_forget)
                unlearn_loss = contrast(embedding[:n], y_forget, embedding[n:], x_retain, y_retain)
                if context.has_classes:
                    retain_loss = context.loss(outputs.logits[n:].float(), y_retain)
                else:
                    retain_loss = steps.loss(x_retain, y_retain)
                loss = params.unlearn_weight * unlearn_loss + params.retain_weight * retain_loss
                steps.take(loss, unlearn_loss=unlearn_loss, retain_loss=retain_loss)
                contrast.after_step()
        yield steps.means()
