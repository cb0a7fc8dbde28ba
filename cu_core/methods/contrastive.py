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
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.methods.context import Context
from cu_core.methods.records.contrastive import ContrastiveParams


def contrastive_unlearning_loss(
    z_forget: Tensor,
    y_forget: Tensor,
    z_retain: Tensor,
    y_retain: Tensor,
    temperature: float,
    task: str,
    *,
    normalize: bool = True,
    weighting: str = "paper",
) -> Tensor:
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
        z_forget, z_retain = F.normalize(z_forget, dim=1), F.normalize(z_retain, dim=1)
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


def queue_loss(
    z_forget: Tensor, y_forget: Tensor, z_queue: Tensor, y_queue: Tensor, temperature: float, *, normalize: bool = True
) -> Tensor:
    """Loss of the queue variant: pull towards other-class entries under a softmax over the whole queue.

    Mean over all (forget sample, other-class entry) pairs of
    ``-(s_ij / τ - logsumexp over the whole queue of s_ik / τ)`` (queue variant of the authors' rebuttal).

    Args:
        z_forget: (B, d) embeddings of forget samples.
        y_forget: (B,) their labels.
        z_queue: (K, d) stored retain embeddings, without gradient.
        y_queue: (K,) their labels.
        temperature: τ > 0.
        normalize: L2-normalise the embeddings first.

    Returns:
        Scalar; 0 (with a gradient of 0) if no pair exists.
    """
    z_forget, z_queue = z_forget.float(), z_queue.float()
    if normalize:
        z_forget, z_queue = F.normalize(z_forget, dim=1), F.normalize(z_queue, dim=1)
    similarity = z_forget @ z_queue.T / temperature
    other = y_forget[:, None] != y_queue[None, :]
    if not other.any():
        return (similarity * 0).sum()
    return (similarity.logsumexp(1, keepdim=True) - similarity)[other].mean()


class EmbeddingQueue:
    """First-in-first-out store of retain embeddings with their labels, kept in the checkpoint."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.embeddings: Tensor | None = None
        self.labels: Tensor | None = None

    def push(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Appends a batch, drops the oldest entries, and returns what is stored: (K, d) and (K,)."""
        embeddings = embeddings.detach()
        # Entries from a checkpoint come back on the CPU.
        if self.embeddings is not None and self.labels is not None:
            embeddings = torch.cat([self.embeddings.to(embeddings.device), embeddings])
            labels = torch.cat([self.labels.to(labels.device), labels])
        self.embeddings, self.labels = embeddings[-self.length :], labels[-self.length :]
        return self.embeddings, self.labels

    def state_dict(self) -> dict[str, Any]:
        """The stored embeddings and labels."""
        return {"embeddings": self.embeddings, "labels": self.labels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over stored embeddings and labels."""
        self.embeddings, self.labels = state["embeddings"], state["labels"]


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
    model, precision = context.model, context.precision
    optimizer = context.keep("optimizer", torch.optim.SGD(model.parameters(), lr=params.lr, momentum=params.momentum))
    queue = context.keep("queue", EmbeddingQueue(params.queue)) if params.queue else None
    scaler = context.keep("scaler", precision.scaler())
    objective = None if context.has_classes else context.keep("objective", context.objective)

    for _ in context.rounds():
        model.train()
        sums = torch.zeros(4, device=context.device)
        steps = 0
        taken = torch.zeros((), device=context.device)
        if queue is not None:
            _fill(queue, context, params)
        for x_forget, y_forget, _ in context.forget.epoch(params.batch_size):
            for _ in range(params.retain_batches):
                context.check()
                x_retain, y_retain, _ = context.retain.sample(max(len(y_forget), 2))
                with precision.autocast():
                    outputs = model.outputs(torch.cat([x_forget, x_retain]))
                embedding = outputs.embedding if params.normalize else outputs.raw
                n = len(y_forget)
                if queue is None:
                    unlearn_loss = contrastive_unlearning_loss(
                        embedding[:n],
                        y_forget,
                        embedding[n:],
                        y_retain,
                        params.temperature,
                        context.task,
                        normalize=params.normalize,
                        weighting=params.weighting,
                    )
                else:
                    stored, labels = queue.push(embedding[n:], y_retain)
                    unlearn_loss = queue_loss(
                        embedding[:n], y_forget, stored, labels, params.temperature, normalize=params.normalize
                    )
                if objective is None:
                    retain_loss = context.loss(outputs.logits[n:].float(), y_retain)
                else:
                    with precision.autocast():
                        retain_loss = objective(model, x_retain, y_retain, context.generator)
                loss = params.unlearn_weight * unlearn_loss + params.retain_weight * retain_loss
                optimizer.zero_grad(set_to_none=True)
                scaler.scale(loss).backward()
                scaler.unscale_(optimizer)
                norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
                scaler.step(optimizer)
                scaler.update()
                if objective is not None:
                    objective.after_step(model)
                # Loss scaling finds its scale by overflowing now and then; such a step is skipped, not a failure.
                counts = norm.isfinite() if scaler.is_enabled() else torch.ones_like(norm, dtype=torch.bool)
                norm = torch.where(counts, norm, torch.zeros_like(norm))
                sums += torch.stack([loss.detach(), unlearn_loss.detach(), retain_loss.detach(), norm])
                steps += 1
                taken += counts
        means = (sums / torch.stack([torch.full_like(taken, steps)] * 3 + [taken]).clamp(min=1)).tolist()
        yield dict(zip(("loss", "unlearn_loss", "retain_loss", "gradient_norm"), means, strict=True))


@torch.no_grad()
def _fill(queue: EmbeddingQueue, context: Context, params: ContrastiveParams) -> None:
    """Fills the queue before the first step, so that no step contrasts against a nearly empty one."""
    stored = 0 if queue.embeddings is None else len(queue.embeddings)
    while stored < queue.length:
        context.check()
        x, y, _ = context.retain.sample(min(max(params.batch_size, 2), queue.length))
        outputs = context.model.outputs(x)
        embedding = outputs.embedding if params.normalize else outputs.raw
        kept, _ = queue.push(embedding, y)
        if len(kept) == stored:
            break
        stored = len(kept)
