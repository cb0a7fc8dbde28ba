"""Record of selective synaptic dampening: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method
from cu_core.methods.records import fields

_PAPER = "Foster et al., Selective Synaptic Dampening, AAAI 2024"


@dataclass(frozen=True)
class SsdParams:
    """Hyper-parameters of selective synaptic dampening."""

    alpha: float = param(
        10.0,
        "Selection α",
        "A weight is dampened if it matters this many times more for the forget samples than for all training samples.",
        low=0.01,
        high=10_000.0,
        log=True,
        paper="10 for ResNet-18; half of it for transformers and classes (released code)",
    )
    dampening: float = param(
        1.0,
        "Dampening λ",
        "Smaller dampens the chosen weights more.",
        low=0.0,
        high=100.0,
        paper="1 (released code); 0.1 (ERASURE)",
    )
    gradient_of: str = param(
        "batch",
        "Gradients of",
        "batch: squares of the mean gradient of a batch, as the released code has it and as the usual α is made for; "
        "sample: squares of each sample's gradient, as the formula has it. There α must be below the number of all "
        "samples by that of the forget samples, or nothing can be chosen.",
        choices=("batch", "sample"),
        paper="batch (released code), sample (formula)",
    )
    batch_size: int = fields.batch_size(64, "Samples", "64 (released code)")


METHOD = Method(
    id="ssd",
    title="SSD",
    summary="Shrinks, in one go and without training, the weights that matter far more for the forget samples.",
    paper=f"{_PAPER} (arXiv 2308.07707), Eq. 3 to 6",
    params=SsdParams,
    implementation="cu_core.methods.ssd:unlearn",
    one_shot=True,
    needs="Labels and one pass over all training samples, forget samples included; no training.",
    fails="α decides everything and nothing repairs: too small an α ruins other classes, too large a one does nothing. "
    "Single samples known by heart have hardly any gradient: what stands out for them is mostly noise.",
    rounds={"class": 1, "sample": 1},
)
