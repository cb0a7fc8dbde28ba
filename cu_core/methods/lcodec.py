"""L-CODEC (Mehta et al., CVPR 2022): Newton steps away from forget samples, on the units that their loss depends on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.curvature import Batch, Named, Secant, gradient, secant, solve
from cu_core.methods.foci import select


@dataclass(frozen=True)
class LcodecParams:
    """Hyper-parameters of L-CODEC."""

    batch_size: int = param(
        64,
        "Batch size",
        "Forget samples that are removed together by one step; the formulas of the paper are those of one.",
        low=1,
        high=4096,
        unit="samples",
        paper="1; 256 in the comparison of Contrastive Unlearning",
    )
    noise_samples: int = param(
        100,
        "Noisy copies",
        "Copies of each batch by which units are selected; costs as many forward passes.",
        low=4,
        high=10_000,
        paper="1000; fewer here for speed",
    )
    input_noise: float = param(
        0.1,
        "Input noise",
        "Standard deviation of the noise on these copies, on normalised images.",
        low=1e-4,
        high=10.0,
        log=True,
        paper="0.1 (released code)",
        advanced=True,
    )
    damping: float = param(
        0.01,
        "Damping λ",
        "Added to the diagonal of the curvature; smaller makes larger steps.",
        low=1e-6,
        high=1000.0,
        log=True,
        paper="0.01 (released code, CIFAR-10: its weight decay)",
    )
    curvature_lr: float = param(
        1e-3,
        "Curvature step",
        "Step of gradient descent between whose ends the curvature is measured.",
        low=1e-6,
        high=1.0,
        log=True,
        paper="1e-3 (released code)",
        advanced=True,
    )
    curvature_samples: int = param(
        1000,
        "Curvature samples",
        "Training samples, forget samples among them, on which the curvature of the whole is measured.",
        low=2,
        high=10_000_000,
        unit="samples",
        paper="all, in the last two epochs of training",
        advanced=True,
    )
    epsilon: float = param(
        0.1,
        "Privacy ε",
        "The smaller, the more noise on the weights.",
        low=1e-4,
        high=1000.0,
        log=True,
        paper="0.1 (released code)",
        advanced=True,
    )
    delta: float = param(
        0.01,
        "Privacy δ",
        "The smaller, the more noise on the weights.",
        low=1e-9,
        high=1.0,
        log=True,
        paper="0.01 (released code)",
        advanced=True,
    )
    max_noise: float = param(
        0.01,
        "Largest noise",
        "The weights' noise is cut to this standard deviation; where it is cut, ε and δ promise nothing.",
        low=0.0,
        high=10.0,
        special="0 = without noise",
        otherwise=("at most", 0.01),
        paper="not cut",
    )
    scaling: str = fields.released(
        "Scale of activations",
        "units are selected by activations that are brought to variance 1, as the authors of FOCI do",
        "by activations as they are, so that units with large ones decide which copies are near each other",
        "variance 1 (Azadkia & Chatterjee); as they are (released code)",
    )
    own_curvature: str = fields.released(
        "Curvature of the batch",
        "the batch's own curvature is taken off that of the whole",
        "it counts as 0, since the code compares the gradient before its step with itself",
        "taken off; 0 (released code)",
    )


METHOD = Method(
    id="lcodec",
    title="L-CODEC",
    summary="Takes a Newton step away from each forget batch, on those units alone that its loss depends on.",
    paper="Mehta et al., Deep Unlearning via Randomized Conditionally Independent Hessians, CVPR 2022 "
    "(arXiv 2204.07655)",
    params=LcodecParams,
    implementation=lambda: unlearn,
    needs="Labels, some training samples for the curvature, and many noisy passes over every forget batch. The "
    "curvature is measured here between the base model and one step of gradient descent on training samples; the "
    "paper keeps the last two epochs of the training for it.",
    fails="The curvature is known along two directions only and the rest is damping, so it is close to gradient "
    "ascent on few weights. The noise that its promise needs ruins a network unless there are tens of thousands of "
    "training samples.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)

# Smoothness and Lipschitz constants in the released code's formula of the noise.
SMOOTHNESS, LIPSCHITZ = 0.25, 1.0


def unlearn(context: Context, params: LcodecParams) -> Iterator[dict[str, float]]:
    """One Newton step per forget batch, one pass over the forget set per round; see `_remove`.

    The curvature of the whole training loss is measured once, at the base model. Batch norm is in evaluation mode
    throughout and keeps its statistics.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` on the forget batches before their steps, of the number of ``units`` selected,
        of the norm of the ``step``, of the ``noise``'s standard deviation, and ``noise_needed`` for the promise.
    """
    whole = context.keep("curvature", Secant())
    for number in context.rounds():
        context.model.eval()
        if number == 1:
            batches = _training_samples(context, params)
            measured = secant(context, batches, gradient(context, batches), params.curvature_lr)
            whole.change, whole.move = measured.change, measured.move
        removals = [_remove(context, params, whole, (x, y)) for x, y, _ in context.forget.epoch(params.batch_size)]
        yield {name: sum(numbers[name] for numbers in removals) / len(removals) for name in removals[0]}


def _remove(context: Context, params: LcodecParams, whole: Secant, batch: Batch) -> dict[str, float]:
    """θ ← θ + m/(n - m) Ĥ⁻¹ g + noise, with Ĥ = (n H - m H_z)/(n - m) + λI, for m of n training samples.

    θ are the weights of the selected units, g the gradient of the batch's mean loss. Each curvature is Δg Δgᵀ / ‖Δθ‖₁
    of its `Secant`. The paper's formula is that of m = 1; its released code leaves H_z out.
    """
    m, n = len(batch[1]), len(context.forget) + len(context.retain)
    units, losses, activations = noisy_passes(context, batch, params.noise_samples, params.input_noise)
    chosen = [units[j] for j in select(losses, activations, context.check, scaled=params.scaling == "paper")]
    before = gradient(context, [batch])
    curvatures = [(n, whole)]
    if params.own_curvature == "paper":
        curvatures.append((-m, secant(context, [batch], before, params.curvature_lr)))

    def rows(named: Named) -> torch.Tensor:
        return torch.cat([named[name].to(context.device)[row].flatten() for name, row in slices(context.model, chosen)])

    terms = [
        (weight / (n - m) / size, rows(s.change))
        for weight, s in curvatures
        if (size := float(rows(s.move).abs().sum())) > 0
    ]
    step = m / (n - m) * solve(params.damping, terms, rows(before))
    needed = promised_noise(m, n, params.damping, params.epsilon, params.delta)
    noise = min(needed, params.max_noise)
    drawn = torch.randn(step.shape, generator=context.generator).to(step.device)
    _add(context.model, chosen, step + noise * drawn)
    return {
        "loss": float(losses.mean()),
        "units": float(len(chosen)),
        "step": float(step.norm()),
        "noise": noise,
        "noise_needed": needed,
    }


def noisy_passes(
    context: Context, batch: Batch, copies: int, deviation: float
) -> tuple[list[tuple[str, int]], torch.Tensor, torch.Tensor]:
    """Loss and mean activation of every unit for noisy copies of a batch.

    A unit is an output channel of a convolution or an output of a linear layer; its activation is what that layer
    delivers, averaged over samples and places.

    Args:
        context: whose model is evaluated.
        batch: images and labels.
        copies: M, how many.
        deviation: standard deviation of the noise on the images.

    Returns:
        Module name and channel of each of p units, (M,) mean losses, (M, p) activations.
    """
    x, y = batch
    losses, rows = [], []
    with torch.no_grad(), _listening(context.model) as heard:
        for _ in range(copies):
            context.check()
            noise = torch.randn(x.shape, generator=context.generator).to(x.device)
            losses.append(context.loss(context.model(x + deviation * noise).float(), y))
            rows.append(torch.cat(list(heard.values())))
        units = [(name, channel) for name, values in heard.items() for channel in range(len(values))]
    return units, torch.stack(losses), torch.stack(rows)


def slices(model: torch.nn.Module, units: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Parameter name and row of each weight and bias that belongs to the given units."""
    known = dict(model.named_parameters())
    named = [(f"{module}.{kind}", channel) for module, channel in units for kind in ("weight", "bias")]
    return [(name, row) for name, row in named if name in known]


def promised_noise(m: int, n: int, damping: float, epsilon: float, delta: float) -> float:
    """Standard deviation of the noise that makes removing m of n samples (ε, δ)-indistinguishable.

    σ = γ/ε · sqrt(2 ln(1.25/δ)) with γ = 2 M L² m² / (n² λ³), M = 0.25 and L = 1 (released code, after Sekhari et
    al., NeurIPS 2021). For a convex loss with these constants; a network's is not convex.
    """
    bound = 2 * SMOOTHNESS * LIPSCHITZ**2 * m**2 / (n**2 * damping**3)
    return bound / epsilon * math.sqrt(2 * math.log(1.25 / delta))


@contextmanager
def _listening(model: torch.nn.Module) -> Iterator[Named]:
    """Collects the mean output of each channel of every convolution and linear layer at each forward pass."""
    heard: Named = {}

    def hook(name: str, channel: int) -> Any:
        def listen(module: torch.nn.Module, arguments: Any, output: torch.Tensor) -> None:
            heard[name] = output.float().movedim(channel, 0).flatten(1).mean(1)

        return listen

    handles = [
        module.register_forward_hook(hook(name, 1 if isinstance(module, torch.nn.Conv2d) else -1))
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    ]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _training_samples(context: Context, params: LcodecParams) -> list[Batch]:
    """Random training samples in batches, forget and retain samples in their proportion."""
    total = len(context.forget) + len(context.retain)
    samples = min(params.curvature_samples, total)
    forgotten = max(1, round(samples * len(context.forget) / total))
    batches = []
    for split, left in ((context.forget, forgotten), (context.retain, max(1, samples - forgotten))):
        x, y, _ = split.sample(left)
        batches += list(zip(x.split(params.batch_size), y.split(params.batch_size), strict=True))
    return batches


def _add(model: torch.nn.Module, units: Sequence[tuple[str, int]], step: torch.Tensor) -> None:
    """Adds a flat step to the rows of `slices`, in their order."""
    named = dict(model.named_parameters())
    at = 0
    for name, row in slices(model, units):
        size = named[name][row].numel()
        with torch.no_grad():
            named[name][row] += step[at : at + size].view_as(named[name][row])
        at += size
