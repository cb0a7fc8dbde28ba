"""Record of L-CODEC: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method


@dataclass(frozen=True)
class LcodecParams:
    """Hyper-parameters of L-CODEC."""

    batch_size: int = param(
        64,
        "Batch size",
        "Forget samples that are removed together by one step.",
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
        paper="not cut",
    )


METHOD = Method(
    id="lcodec",
    title="L-CODEC",
    summary="Takes a Newton step away from each forget batch, on those units alone that its loss depends on.",
    paper="Mehta et al., Deep Unlearning via Randomized Conditionally Independent Hessians, CVPR 2022 "
    "(arXiv 2204.07655)",
    params=LcodecParams,
    implementation="cu_core.methods.lcodec:unlearn",
    needs="Labels, some training samples for the curvature, and many noisy passes over every forget batch. The "
    "curvature is measured here between the base model and one step of gradient descent on training samples; the "
    "paper keeps the last two epochs of the training for it.",
    fails="The curvature is known along two directions only and the rest is damping, so it is close to gradient "
    "ascent on few weights. The noise that its promise needs ruins a network unless there are tens of thousands of "
    "training samples.",
    rounds={"class": 10, "sample": 10},
)
