"""AMUN (Ebrahimpour-Boroojeny et al., ICML 2025): fine-tuning on nearest adversarial examples, wrongly labelled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning, once

_CODE = "released code"


@dataclass(frozen=True)
class AmunParams:
    """Hyper-parameters of AMUN."""

    lr: float = fields.lr(0.01, f"0.01 ({_CODE}, evaluated models); 0.05 (its default)")
    falls: int = param(
        1,
        "Rounds to a tenth",
        "The learning rate falls to a tenth after every so many rounds.",
        low=0,
        high=1000,
        unit="rounds",
        special="0 = constant",
        otherwise=("falling", 1),
        paper=f"1 ({_CODE})",
    )
    radius: float = param(
        0.01,
        "First radius ε",
        "Adversarial examples are looked for within this L2 distance (pixels from 0 to 1), then within twice as far, "
        "and so on.",
        low=1e-4,
        high=100.0,
        log=True,
        paper=f"0.01 for the first 50 samples, then the median of theirs ({_CODE})",
    )
    attack_steps: int = param(
        50,
        "Steps of the attack",
        "Steps within each radius, a tenth of it long.",
        low=1,
        high=1000,
        unit="steps",
        paper=f"50 ({_CODE})",
        advanced=True,
    )
    forget_too: bool = param(
        False,
        "Forget samples too",
        "Trains on the forget samples with their own labels as well.",
        paper=f"false (advonly in the {_CODE}); true (amun)",
    )
    momentum: float = fields.momentum(f"0.9 ({_CODE})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_CODE})")
    batch_size: int = fields.batch_size(128, "Samples of all kinds", f"128 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", f"train ({_CODE})")


_PAPER = (
    "Ebrahimpour-Boroojeny, Sundaram & Chandrasekaran, AMUN: Adversarial Machine UNlearning, ICML 2025; attack and "
    "mixtures as in the released code"
)
_FAILS = (
    "Moves the boundary no further than the nearest wrong answer, so a class is hardly forgotten. The examples get "
    "their wrong labels by heart: what is forgotten is that the model was sure, not what the samples look like."
)
_ROUNDS = {"class": 10, "sample": 10}

AMUN = Method(
    id="amun",
    title="AMUN",
    summary="Fine-tunes on retain samples and on the forget samples' nearest adversarial examples, labelled as the "
    "model mistakes them.",
    paper=_PAPER,
    params=AmunParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs="Labels, all retain samples in every round, and memory for an altered copy of each forget image.",
    fails=_FAILS,
    rounds=_ROUNDS,
)
AMUN_ADVONLY = Method(
    id="amun_advonly",
    title="AMUN without retain samples",
    summary="Fine-tunes on the forget samples' nearest adversarial examples alone, labelled as the model "
    "mistakes them.",
    paper=_PAPER,
    params=AmunParams,
    implementation=lambda: unlearn_alone,
    divided=by_all_processes,
    retain_data="none",
    needs="Labels of the forget samples, and memory for an altered copy of each forget image.",
    fails=f"{_FAILS} Nothing holds the other samples.",
    rounds=_ROUNDS,
)
METHODS.add(AMUN, AMUN_ADVONLY)


def unlearn(context: Context, params: AmunParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the cross-entropy on retain samples and adversarial examples with their wrong labels.

    The examples are made once, from the base model (`nearest`). A round is a pass over all of them and over all
    retain samples, mixed.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, and the mean ``distance`` of the examples, L2 of pixels
        from 0 to 1.
    """
    return _rounds(context, params, context.retain.indices)


def unlearn_alone(context: Context, params: AmunParams) -> Iterator[dict[str, float]]:
    """AMUN without retain samples; see `unlearn`."""
    return _rounds(context, params, context.retain.indices[:0])


def _rounds(context: Context, params: AmunParams, retained: torch.Tensor) -> Iterator[dict[str, float]]:
    model = context.model
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    steps = Steps(context, optimizer)
    made = once(context, "adversarial", lambda: adversarial(context, params))
    distance = float(made["distances"].mean())
    for number in context.rounds():
        for group in optimizer.param_groups:
            group["lr"] = params.lr * (0.1 ** ((number - 1) // params.falls) if params.falls else 1.0)
        for x, y in _epoch(context, params, retained, made["images"], made["labels"]):
            with learning(model, params.batch_norm, len(x)):
                loss = steps.loss(x, y)
            steps.take(loss)
        yield steps.means() | {"distance": distance}


def _epoch(
    context: Context, params: AmunParams, retained: torch.Tensor, images: torch.Tensor, labels: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Retain samples, adversarial examples and, where asked for, forget samples, mixed; all of them once."""
    forget = context.forget
    shown = torch.cat([retained, forget.indices]) if params.forget_too else retained
    order = torch.randperm(len(shown) + len(images), generator=context.generator)
    batches = list(order.split(params.batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        # Batch norm cannot train on one.
        batches[-2:] = [torch.cat(batches[-2:])]
    for batch in batches:
        own, altered = batch[batch < len(shown)], batch[batch >= len(shown)] - len(shown)
        x, y = forget.source.take(shown[own])
        kept = int((own < len(retained)).sum())
        context.retain.images_drawn += kept
        forget.images_drawn += len(batch) - kept
        altered = altered.to(images.device)
        yield torch.cat([x, images[altered].to(x)]), torch.cat([y, labels[altered]])


def adversarial(context: Context, params: AmunParams) -> dict[str, torch.Tensor]:
    """The nearest adversarial example of each forget sample.

    Returns:
        ``images`` (n, c, h, w) normalised as the model reads them, the wrong ``labels`` (n,) that it gives them, and
        their ``distances`` (n,), L2 of pixels from 0 to 1; in the order of the forget set.
    """
    source = context.forget.source
    context.model.eval()
    images, labels, distances = [], [], []
    for x, y, _ in context.forget.epoch(params.batch_size, shuffle=False):
        pixels = x * source.std + source.mean
        found, wrong = nearest(context, pixels, y, params)
        images.append((found - source.mean) / source.std)
        labels.append(wrong)
        distances.append((found - pixels).flatten(1).norm(dim=1))
    return {"images": torch.cat(images), "labels": torch.cat(labels), "distances": torch.cat(distances)}


def nearest(
    context: Context, pixels: torch.Tensor, labels: torch.Tensor, params: AmunParams
) -> tuple[torch.Tensor, torch.Tensor]:
    """Projected gradient ascent of the cross-entropy within growing L2 balls, until the answer is wrong (PGD-L2).

    A sample is left where it is answered wrongly first. One that is still answered rightly after all steps goes on
    from where it is, within twice the radius and by twice as long steps; a radius that spans all images is the last.

    Args:
        context: its model in evaluation mode, asked in full precision.
        pixels: (b, c, h, w) from 0 to 1.
        labels: (b,) true ones.
        params: radius and steps.

    Returns:
        (b, c, h, w) pixels from 0 to 1, and (b,) the most probable wrong labels there.
    """
    source, model = context.forget.source, context.model
    found, radius = pixels.clone(), params.radius
    fooled = torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device)
    widest = math.sqrt(pixels[0].numel())

    def answers(at: torch.Tensor) -> torch.Tensor:
        return model((at - source.mean) / source.std).float()

    while True:
        for _ in range(params.attack_steps):
            context.check()
            rest = (~fooled).nonzero()[:, 0]
            at = found[rest].requires_grad_(True)
            logits = answers(at)
            right = logits.argmax(1) == labels[rest]
            fooled[rest] = ~right
            if not right.any():
                break
            (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels[rest], reduction="sum"), at)
            step = _shortened(slope, radius / 10, always=True)
            moved = _shortened(at.detach() + step - pixels[rest], radius)
            moved = (pixels[rest] + moved).clamp(0, 1)
            found[rest[right]] = moved[right]
        if fooled.all() or radius >= widest:
            break
        radius *= 2
    with torch.no_grad():
        logits = answers(found)
    return found, logits.scatter(1, labels[:, None], -torch.inf).argmax(1)


def _shortened(by: torch.Tensor, length: float, always: bool = False) -> torch.Tensor:
    """Vectors of (b, …) scaled to an L2 norm of at most `length`, or of exactly that; those of norm 0 stay."""
    norm = by.flatten(1).norm(dim=1).clamp(min=torch.finfo(by.dtype).tiny)
    scale = length / norm
    return by * (scale if always else scale.clamp(max=1.0)).view(-1, *[1] * (by.dim() - 1))
