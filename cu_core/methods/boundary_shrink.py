"""Boundary Shrink (Chen et al., CVPR 2023): each sample of a forgotten class is handed to the class next to it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.data.batches import ImageSource
from cu_core.methods.context import Context
from cu_core.methods.records.boundary import BoundaryShrinkParams
from cu_core.methods.steps import Steps, training_loss
from cu_core.methods.teacher import frozen_copy


def attacked(
    model: nn.Module, x: Tensor, y: Tensor, source: ImageSource, bound: float, step: float, steps: int
) -> Tensor:
    """Images moved uphill on a model's cross-entropy, within a box around them and within the range of pixels.

    One step as large as the box is FGSM (Goodfellow et al. 2015), several smaller ones are PGD (Madry et al. 2018)
    without a random start.

    Args:
        model: in evaluation mode, with frozen parameters.
        x: (b, c, h, w) normalised images.
        y: (b,) labels.
        source: where the images are from; says how they were normalised.
        bound: largest change of a pixel, on the scale 0..1.
        step: change of a pixel per step, on the same scale.
        steps: number of steps.

    Returns:
        (b, c, h, w) normalised images.
    """
    clean = x * source.std + source.mean
    pixels = clean
    for _ in range(steps):
        points = ((pixels - source.mean) / source.std).requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model(points).float(), y), points)
        # The standard deviations are positive: the sign is the same on the scale of pixels.
        moved = pixels + step * gradient.sign()
        pixels = torch.min(torch.max(moved, clean - bound), clean + bound).clamp(0, 1)
    return (pixels - source.mean) / source.std


def nearest_other_class(logits: Tensor, y: Tensor) -> Tensor:
    """(b,) the class with the largest of (b, C) logits, never the true one: an attack may fail to leave it."""
    return logits.scatter(1, y[:, None], -torch.inf).argmax(1)


def unlearn(context: Context, params: BoundaryShrinkParams) -> Iterator[dict[str, float]]:
    """Teaches clean forget samples the class that the base model gives them under attack.

    One SGD step per forget batch, one pass per round. Batch norm is in training mode, as in the released code.

    Args:
        context: model, data and randomness; the retain samples are not touched.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``crossed`` (share of samples that the attack takes over a boundary) and
        of ``gradient_norm``.
    """
    model, source = context.model, context.forget.source
    base = frozen_copy(context, "base")
    steps = Steps(context, torch.optim.SGD(model.parameters(), lr=params.lr, momentum=params.momentum))
    step, number = (params.bound, 1) if params.attack == "fgsm" else (params.attack_step, params.attack_steps)
    for _ in context.rounds():
        model.train()
        for x, y, _ in context.forget.epoch(params.batch_size):
            answers = base(attacked(base, x, y, source, params.bound, step, number))
            loss = training_loss(context, x, nearest_other_class(answers, y))
            steps.take(loss, crossed=(answers.argmax(1) != y).float().mean())
        yield steps.means()
