"""Records of CF-k and EU-k, which change the last blocks alone: for the form, the command line and the docs."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method
from cu_core.methods.records import fields

_PAPER = "Goel et al., Towards Adversarial Evaluations for Inexact Machine Unlearning (arXiv 2201.06640)"
_SCRUB = "released code of SCRUB (Kurmanji et al., NeurIPS 2023)"


@dataclass(frozen=True)
class EuKParams:
    """How much of the network is trained anew."""

    k: int = param(
        4,
        "Last blocks k",
        "Blocks that change, counted from the end: the head is one, a projector two, a residual or transformer block "
        "one, and so is a layer outside of these together with its normalisation.",
        low=1,
        high=200,
        unit="blocks",
        paper=f"1 of few large blocks ({_SCRUB}); here the projected head alone counts three",
    )


@dataclass(frozen=True)
class CfKParams(EuKParams):
    """How much of the network is fine-tuned, and how."""

    lr: float = fields.lr(0.01, f"0.01 ({_SCRUB})")
    momentum: float = fields.momentum(f"0.9 ({_SCRUB})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SCRUB})")
    batch_size: int = fields.batch_size(64, "Retain samples", f"64 ({_SCRUB})")


EU_K = Method(
    id="eu_k",
    title="EU-k",
    summary="Trains the last k blocks anew on the retain samples with the original recipe; the rest stays frozen.",
    paper=_PAPER,
    params=EuKParams,
    implementation="cu_core.methods.last_blocks:retrain",
    objectives=fields.BOTH,
    needs_forget=False,
    starts_anew=True,
    needs="All retain samples, the initial weights, and as many epochs as the training had; a round is an epoch.",
    fails="The frozen blocks still carry what they learned from the forget samples.",
    rounds={"class": 0, "sample": 0},
)
CF_K = Method(
    id="cf_k",
    title="CF-k",
    summary="Fine-tunes the last k blocks on the retain samples; the rest stays frozen.",
    paper=_PAPER,
    params=CfKParams,
    implementation="cu_core.methods.last_blocks:finetune",
    objectives=fields.BOTH,
    needs_forget=False,
    needs="All retain samples: here a round is one pass over them, not over the forget samples.",
    fails="As fine-tuning does, and the frozen blocks still carry what they learned from the forget samples.",
    rounds={"class": 10, "sample": 10},
)
