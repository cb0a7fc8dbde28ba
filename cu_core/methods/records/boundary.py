"""Records of boundary unlearning: what the form, the command line and the docs say of its two methods."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes

_PAPER = "Chen et al., Boundary Unlearning, CVPR 2023 (arXiv 2303.11570)"


@dataclass(frozen=True)
class BoundaryExpandingParams:
    """Hyper-parameters of Boundary Expanding."""

    lr: float = param(
        1e-5, "Learning rate", "Step size of SGD.", low=1e-8, high=1.0, log=True, paper="1e-5 (released code)"
    )
    momentum: float = param(
        0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper="0.9 (released code)", advanced=True
    )
    batch_size: int = param(
        64, "Batch size", "Forget samples per step.", low=2, high=4096, unit="samples", paper="64 (released code)"
    )


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
        paper="0.1 (released code)",
    )
    attack_step: float = param(
        8 / 255, "PGD step", "Change of a pixel per step of pgd.", low=0.0001, high=1.0, paper="8/255", advanced=True
    )
    attack_steps: int = param(5, "PGD steps", "Number of steps of pgd.", low=1, high=100, paper="5", advanced=True)


BOUNDARY_SHRINK = Method(
    id="boundary_shrink",
    title="Boundary Shrink",
    summary="Teaches each sample of the forgotten class the nearest other class, found by an adversarial attack.",
    paper=f"{_PAPER}, §3.3",
    params=BoundaryShrinkParams,
    implementation="cu_core.methods.boundary_shrink:unlearn",
    divided=by_all_processes,
    tasks=("class",),
    needs_retain=False,
    needs="The forget samples with their labels, and pixels that a small attack can move over a boundary.",
    fails="Its one step size suits no two networks: too small and nothing happens, too large and the retained "
    "classes suffer, which nothing holds. Embeddings of the forgotten class hardly move.",
    rounds={"class": 10},
)
BOUNDARY_EXPANDING = Method(
    id="boundary_expanding",
    title="Boundary Expanding",
    summary="Teaches samples of the forgotten class a shadow class, and then cuts that class off.",
    paper=f"{_PAPER}, §3.4",
    params=BoundaryExpandingParams,
    implementation="cu_core.methods.boundary_expanding:unlearn",
    divided=by_all_processes,
    tasks=("class",),
    needs_retain=False,
    needs_labels=False,
    needs="The forget samples alone, and a last layer that can be widened.",
    fails="Nothing holds the retained classes, and nothing pushes the samples apart from each other: without the "
    "shadow class the largest remaining logit is often still the true class's.",
    rounds={"class": 10},
)
