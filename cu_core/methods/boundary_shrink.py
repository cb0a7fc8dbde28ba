"""Boundary Shrink (Chen et al., CVPR 2023): each sample of a forgotten class is handed to the class next to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.boundary_expanding import PAPER, BoundaryExpandingParams
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps
from cu_core.methods.teacher import frozen_copy

if TYPE_CHECKING:
    from cu_core.data.batches import ImageSource


@dataclass(frozen=True)
class BoundaryShrinkParams(BoundaryExpandingParams):
    """Hyper-parameters of Boundary Shrink: those of the other one, and of the attack that finds the neighbours."""

    attack: str = param(
        "fgsm",
        "Attack",
        "How the neighbouring class is found. fgsm: one step as large as the bound; pgd: several smaller ones.",
        choices=("fgsm", "pgd"),
        paper="fgsm (released code)",
    )
    bound: float = param(
        0.1,
        "Attack bound ε",
        "Largest change of a pixel, where black is 0 and white is 1.",
        low=0.001,
        high=1.0,
        search=(0.01, 0.3),
        paper="0.1 (released code)",
    )
    attack_step: float = param(
        8 / 255, "PGD step", "Change of a pixel per step of pgd.", low=0.0001, high=1.0, paper="8/255", advanced=True
    )
    attack_steps: int = param(5, "PGD steps", "Number of steps of pgd.", low=1, high=100, paper="5", advanced=True)
    neighbour: str = fields.released(
        "Neighbour",
        "the class that is most likely under attack, of all but the true one",
        "of all classes, so that a sample keeps its own label wherever the attack does not leave it; attacked pixels "
        "are rounded to 255 levels",
        "nearest wrong class (§3.3); may be the true one (released code)",
    )


METHOD = Method(
    id="boundary_shrink",
    title="Boundary Shrink",
    summary="Teaches each sample of the forgotten class the nearest other class, found by an adversarial attack.",
    paper=f"{PAPER}, §3.3",
    params=BoundaryShrinkParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    tasks=("class",),
    retain_data="none",
    needs="The forget samples with their labels, and pixels that a small attack can move over a boundary.",
    fails="Its one step size suits no two networks: too small and nothing happens, too large and the retained "
    "classes suffer, which nothing holds. Embeddings of the forgotten class hardly move.",
    rounds={"class": 10},
)
METHODS.add(METHOD)


def attacked(
    model: torch.nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    source: ImageSource,
    bound: float,
    step: float,
    steps: int,
    *,
    whole_levels: bool = False,
) -> torch.Tensor:
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
        whole_levels: whether pixels are rounded to 255 levels after each step, as the released code does.

    Returns:
        (b, c, h, w) normalised images.
    """
    clean = x * source.std + source.mean
    pixels = clean
    for _ in range(steps):
        points = ((pixels - source.mean) / source.std).requires_grad_()
        (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(model(points).float(), y), points)
        # The standard deviations are positive: the sign is the same on the scale of pixels.
        moved = pixels + step * gradient.sign()
        pixels = torch.min(torch.max(moved, clean - bound), clean + bound).clamp(0, 1)
        if whole_levels:
            pixels = (pixels * 255).round() / 255
    return (pixels - source.mean) / source.std


def nearest_other_class(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
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
    released = params.neighbour == "released"
    for _ in context.rounds():
        for x, y, _ in context.forget.epoch(params.batch_size):
            moved = attacked(base, x, y, source, params.bound, step, number, whole_levels=released)
            adversarial_logits = base(moved)
            answer = adversarial_logits.argmax(1)
            target = answer if released else nearest_other_class(adversarial_logits, y)
            steps.take(steps.loss(x, target), crossed=(answer != y).float().mean())
        yield steps.means()
