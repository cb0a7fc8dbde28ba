"""UNSIR (Tarun et al., TNNLS 2023): error-maximising noise impairs the forgotten classes, retain samples repair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.methods.context import Context
from cu_core.methods.records.unsir import UnsirParams
from cu_core.methods.steps import Steps, training_loss


class Material:
    """What the rounds learn from: noise with its labels, and the chosen retain samples; fixed by the first round.

    Attributes:
        noise: (k, c, h, w) normalised images.
        labels: (k,) the forgotten class of each.
        chosen: (m,) indices of retain samples into their source, on the CPU.
    """

    def __init__(self) -> None:
        self.noise, self.labels, self.chosen = (torch.empty(0) for _ in range(3))

    def state_dict(self) -> dict[str, Any]:
        """All three."""
        return {"noise": self.noise, "labels": self.labels, "chosen": self.chosen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.noise, self.labels, self.chosen = state["noise"], state["labels"], state["chosen"]


def unlearn(context: Context, params: UnsirParams) -> Iterator[dict[str, float]]:
    """Impairs with noise among retain samples, then repairs with the retain samples: a pass each per round.

    The noise is learned at the start of the first round, against the base model. Both passes take steps of Adam on
    cross-entropy with batch norm in training mode; the noise bears the label of the class that it is to wipe out.

    Args:
        context: model, data and randomness; the forget samples are not touched.
        params: hyper-parameters.

    Yields:
        Per round the means of ``impair_loss``, ``repair_loss``, of ``loss`` over all steps of the repair and of its
        ``gradient_norm``; in the first also ``noise_loss``, the base model's cross-entropy on the learned noise.
    """
    model = context.model
    material = context.keep("material", Material())
    impair, repair = (
        Steps(context, torch.optim.Adam(model.parameters(), lr=lr), name=name)
        for name, lr in (("impair", params.impair_lr), ("repair", params.repair_lr))
    )
    for number in context.rounds():
        first = {}
        if number == 1:
            material.noise, material.labels, first["noise_loss"] = learned_noise(context, params)
            material.chosen = some_of_each_class(context, params.per_class)
        noise, labels = material.noise.to(context.device), material.labels.to(context.device)
        model.train()
        shown = params.copies * len(noise)
        for order in _batches(shown + len(material.chosen), params.batch_size, context.generator):
            of_noise, of_retain = order[order < shown] % len(noise), order[order >= shown] - shown
            x, y, _ = context.retain.take(material.chosen[of_retain])
            x, y = torch.cat([noise[of_noise], x]), torch.cat([labels[of_noise], y])
            impair.take(training_loss(context, x, y))
        for order in _batches(len(material.chosen), params.batch_size, context.generator):
            x, y, _ = context.retain.take(material.chosen[order])
            repair.take(training_loss(context, x, y))
        impaired, repaired = impair.means()["loss"], repair.means()
        yield repaired | {"impair_loss": impaired, "repair_loss": repaired["loss"]} | first


def learned_noise(context: Context, params: UnsirParams) -> tuple[Tensor, Tensor, float]:
    """Noise that the model, frozen and in evaluation mode, takes least for the forgotten classes.

    For each class c Adam walks from standard normal noise N down -CE(f(N), c) + λ · mean over images of Σ N².

    Returns:
        (k, c, h, w) images, (k,) labels, both on the device, and the mean cross-entropy on them.
    """
    model = context.model.eval()
    shape = context.retain.take(context.retain.indices[:1])[0].shape[1:]
    images, labels, losses = [], [], []
    for label in context.forgotten:
        start = torch.randn(params.noise_batch, *shape, generator=context.generator)
        noise = start.to(context.device).requires_grad_()
        y = torch.full((params.noise_batch,), label, device=context.device)
        optimizer = torch.optim.Adam([noise], lr=params.noise_lr)
        for _ in range(params.noise_steps):
            context.check()
            size = noise.square().flatten(1).sum(1).mean()
            (noise.grad,) = torch.autograd.grad(params.noise_weight * size - F.cross_entropy(model(noise), y), noise)
            optimizer.step()
        images.append(noise.detach())
        labels.append(y)
        with torch.no_grad():
            losses.append(F.cross_entropy(model(noise), y))
    return torch.cat(images), torch.cat(labels), float(torch.stack(losses).mean())


def some_of_each_class(context: Context, per_class: int) -> Tensor:
    """(m,) random retain samples, at most `per_class` of each class, as indices into their source."""
    indices = context.retain.indices
    indices = indices[torch.randperm(len(indices), generator=context.generator)]
    labels = context.retain.source.labels.cpu()[indices]
    return torch.cat([indices[labels == label][:per_class] for label in range(context.classes)])


def _batches(total: int, size: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """All numbers below `total` in random order, in parts of about `size`: batch norm cannot train on one left over."""
    return torch.randperm(total, generator=generator).tensor_split(max(1, -(-total // size)))
