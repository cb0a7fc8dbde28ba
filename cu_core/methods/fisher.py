"""Fisher forgetting (Golatkar et al., CVPR 2020): noise where the retain samples leave a weight free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.classifier import Classifier


@dataclass(frozen=True)
class FisherParams:
    """Hyper-parameters of Fisher forgetting."""

    alpha: float = param(
        1e-6,
        "Noise α",
        "Scale of the noise's variance.",
        low=1e-12,
        high=1.0,
        log=True,
        paper="1e-6 (released notebook); others sweep 1e-9 to 1e-5",
    )
    samples: int = param(
        1000,
        "Retain samples",
        "The Fisher information is the mean over this many random retain samples; each costs a gradient per class.",
        low=0,
        high=10_000_000,
        unit="samples",
        special="0 = all",
        otherwise=("at most", 1000),
        paper="all",
    )


METHOD = Method(
    id="fisher",
    title="Fisher forgetting",
    summary="Adds noise to the weights, the more the less the answers on retain samples depend on a weight.",
    paper="Golatkar et al., Eternal Sunshine of the Spotless Net, CVPR 2020 (arXiv 1911.04933); caps of its code",
    params=FisherParams,
    implementation=lambda: unlearn,
    needs_forget=False,
    needs_labels=False,
    one_shot=True,
    needs="Retain samples without labels, and for each of them one gradient per class. Where a class is forgotten its "
    "row of the last layer starts from 0 and gets noise of variance 1e-3, as in the released code.",
    fails="The right noise differs by orders of magnitude between networks: a little too much and all classes are "
    "lost. The forget samples themselves are never looked at.",
    rounds={"class": 1, "sample": 1},
)
METHODS.add(METHOD)

HEAD = ("head.weight", "head.bias")
# Constants of the released code.
SMALLEST = 1e-8
CAP, HEAD_CAP = 1e3, 1e2
FACTOR = 10.0
# The released code sets 1e-4 and multiplies the last layer by `FACTOR` behind that.
FORGOTTEN_VARIANCE = 1e-4 * FACTOR
# Gradients of this many samples are held at once: as many as fit into so many bytes, but no more than `MOST_AT_ONCE`.
GRADIENT_BYTES = 1e9
MOST_AT_ONCE = 64


def unlearn(context: Context, params: FisherParams) -> Iterator[dict[str, float]]:
    """One shot of noise: w ← w + sqrt(variance) · N(0, 1), with the `variances` of the weights.

    For class forgetting the last layer's rows of the forgotten classes start from 0 instead and get the variance
    1e-3, whatever α is. Nothing is trained; batch norm is in evaluation mode and keeps its statistics.

    Args:
        context: model, data and randomness; the forget samples are not touched.
        params: hyper-parameters.

    Yields:
        Once: ``fisher``, the mean Fisher information of a weight, ``noise``, the root mean square of the noise's
        standard deviations, and ``samples``, the number of retain samples behind it.
    """
    if context.first_round > 1:
        return
    model = cast("Classifier", context.model.eval())
    count = min(params.samples or len(context.retain), len(context.retain))
    fisher = diagonal_fisher(model, _images(context, count, samples_at_once(model)))
    variance = variances(model, fisher, params.alpha)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in HEAD:
                for label in context.forgotten:
                    weight[label] = 0
                    variance[name][label] = FORGOTTEN_VARIANCE
            drawn = torch.randn(weight.shape, generator=context.generator).to(weight.device)
            weight.add_(variance[name].sqrt() * drawn)
    yield {
        "fisher": _mean(fisher.values()),
        "noise": _mean(variance.values()) ** 0.5,
        "samples": float(count),
    }


def diagonal_fisher(model: Classifier, batches: Iterable[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Diagonal of the Fisher information: mean over samples of Σ_y p(y|x) · (∂ log p(y|x) / ∂w)².

    The expectation runs over the model's own labels y, all classes of them; gradients are squared sample by sample.

    Args:
        model: in evaluation mode.
        batches: normalised images (b, c, h, w), at least one.

    Returns:
        A tensor for each parameter, of its shape, by name.
    """
    weights = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())
    units = torch.eye(model.num_classes, device=model.head.weight.device)

    def of_sample(image: torch.Tensor) -> dict[str, torch.Tensor]:
        def logits_of(given: dict[str, torch.Tensor]) -> torch.Tensor:
            return torch.func.functional_call(model, given | buffers, (image[None],))[0].log_softmax(0)

        answers, pull = torch.func.vjp(logits_of, weights)[:2]
        total = {name: torch.zeros_like(w) for name, w in weights.items()}
        for chance, unit in zip(answers.exp(), units, strict=True):
            (gradients,) = pull(unit)
            total = {name: value + chance * gradients[name] ** 2 for name, value in total.items()}
        return total

    sums = {name: torch.zeros_like(w) for name, w in weights.items()}
    seen = 0
    # Fused attention cannot be taken sample by sample.
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for images in batches:
            for name, found in torch.func.vmap(of_sample)(images).items():
                sums[name] += found.sum(0)
            seen += len(images)
    return {name: total / seen for name, total in sums.items()}


def variances(model: Classifier, fisher: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Variance of the noise on each weight: α / F, capped, with the rules of the released code.

    1 / F is at most 1e3, in the last layer 1e2; where a parameter has several dimensions it is averaged over the
    second; the last layer and all parameters of one dimension get ten times as much.

    Args:
        model: whose last layer is ``head``.
        fisher: of `diagonal_fisher`.
        alpha: α.
    """
    found = {}
    for name, value in fisher.items():
        in_head = name in HEAD
        variance = alpha * (1 / (value + SMALLEST)).clamp(max=HEAD_CAP if in_head else CAP)
        if variance.ndim > 1:
            variance = variance.mean(1, keepdim=True).expand_as(variance).clone()
        found[name] = variance * FACTOR if in_head or variance.ndim == 1 else variance
    return found


def samples_at_once(model: Classifier) -> int:
    """How many samples' gradients may be held in memory."""
    # Three copies: the gradient, its square and the sum so far.
    size = 3 * sum(p.numel() * p.element_size() for p in model.parameters())
    return max(1, min(MOST_AT_ONCE, int(GRADIENT_BYTES // size)))


def _images(context: Context, count: int, at_once: int) -> Iterator[torch.Tensor]:
    left = count
    for x, _, _ in context.retain.epoch(at_once):
        context.check()
        yield x[:left]
        left -= len(x)
        if left <= 0:
            return


def _mean(tensors: Iterable[torch.Tensor]) -> float:
    return float(torch.cat([t.flatten() for t in tensors]).mean())
