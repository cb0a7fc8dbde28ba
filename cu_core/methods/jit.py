"""JiT (Foster et al., arXiv 2402.01401): answers that hardly change in the neighbourhood of forget samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning

_CODE = "released code, VGG16"
# Below this a distance is rounded up: noise that clamping takes away wholly says nothing.
_SMALLEST_DISTANCE = 1e-12


@dataclass(frozen=True)
class JitParams:
    """Hyper-parameters of JiT."""

    lr: float = fields.lr(3e-4, f"3e-4 ({_CODE}), 0.1 to 1.5 (vision transformers)")
    batch_size: int = fields.batch_size(128, "Forget samples", f"128 ({_CODE})")
    noise: float = param(
        0.5,
        "Noise σ",
        "Standard deviation of the noise on the normalised images; clamped to the range of the batch.",
        low=1e-4,
        high=100.0,
        log=True,
        paper=f"0.5 for a class, 0.01 for samples ({_CODE}); 0.5 to 0.8 (vision transformers)",
    )
    copies: int = param(
        25,
        "Noisy copies",
        "Noisy copies of each sample; each costs a pass without gradients.",
        low=1,
        high=1000,
        unit="copies",
        paper=f"25 ({_CODE})",
    )
    form: str = param(
        "released",
        "Form",
        "released: the loss is summed over the batch, and the gradients of all batches so far in the pass add up, as "
        "the released code does and as its learning rates are made for, so that a step grows with the batch and along "
        "the pass; mean: the mean over the batch, and each step by its own gradient.",
        choices=("released", "mean"),
        paper="released (released code), mean (formula)",
    )
    batch_norm: str = fields.batch_norm("train", "train (released code)")


METHOD = Method(
    id="jit",
    title="JiT",
    summary="Smooths the model around the forget samples: noise on them should hardly change its outputs.",
    paper="Foster et al., An Information Theoretic Approach to Machine Unlearning (arXiv 2402.01401), and its "
    "released code",
    params=JitParams,
    implementation=lambda: unlearn,
    retain_data="none",
    needs_labels=False,
    needs="The forget samples alone, without labels, and one pass more per noisy copy.",
    fails="Nothing holds the model: too large a step flattens its answers everywhere, too small a one does nothing, "
    "and between them is little room. The published steps are for a given batch size and number of forget samples.",
    rounds={"class": 1, "sample": 1},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: JitParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the local Lipschitz quotients of forget samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``quotient``, the mean per sample, and of ``gradient_norm``.
    """
    model = context.model
    # The velocity of SGD with momentum 1 is the sum of all gradients since it was emptied.
    released = params.form == "released"
    optimizer = torch.optim.SGD(model.parameters(), lr=params.lr, momentum=float(released))
    steps = Steps(context, optimizer)
    for _ in context.rounds():
        optimizer.state.clear()
        for x, _, _ in context.forget.epoch(params.batch_size):
            with learning(model, params.batch_norm, len(x)):
                outputs = steps.logits(x)
                quotients = torch.zeros(len(x), device=x.device)
                for _ in range(params.copies):
                    context.check()
                    noised = noisy(x, params.noise, context.generator)
                    with torch.no_grad():
                        answers = steps.logits(noised)
                    quotients = quotients + quotient(outputs, answers, x, noised) / params.copies
            steps.take(quotients.sum() if released else quotients.mean(), quotient=quotients.mean())
        yield steps.means()


def noisy(images: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    """Images with normal noise, clamped to the least and the largest value of the batch.

    Args:
        images: (n, c, h, w) normalised.
        noise: standard deviation.
        generator: on the CPU.
    """
    drawn = torch.randn(images.shape, generator=generator).to(images.device)
    return (images + noise * drawn).clamp(images.min(), images.max())


def quotient(outputs: torch.Tensor, others: torch.Tensor, images: torch.Tensor, noised: torch.Tensor) -> torch.Tensor:
    """‖f(x) - f(x̃)‖₂ / ‖x - x̃‖₂ per sample.

    Args:
        outputs: (n, k) f(x), with a gradient.
        others: (n, k) f(x̃).
        images: (n, ...) x.
        noised: (n, ...) x̃.

    Returns:
        (n,) with a gradient; 0 where both points are one.
    """
    distance = (images - noised).flatten(1).norm(dim=1)
    return (outputs - others).norm(dim=1) / distance.clamp(min=_SMALLEST_DISTANCE)
