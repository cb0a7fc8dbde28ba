"""Record of Bad Teacher: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes
from cu_core.methods.records import fields

_SSD = "SSD's released code"


@dataclass(frozen=True)
class BadTeacherParams:
    """Hyper-parameters of Bad Teacher."""

    lr: float = fields.lr(1e-4, f"1e-4 ({_SSD})", "Adam")
    batch_size: int = fields.batch_size(256, "Forget and retain samples together", f"256 ({_SSD})")
    retain_share: float = fields.retain_share(0.3, "0.3 (paper and released code)")
    temperature: float = param(
        1.0,
        "Temperature T",
        "Divides the logits of teachers and student; larger compares the small probabilities too.",
        low=0.1,
        high=100.0,
        log=True,
        paper=f"1 ({_SSD})",
    )
    batch_norm: str = fields.batch_norm("train", "train (released code)")


METHOD = Method(
    id="bad_teacher",
    title="Bad Teacher",
    summary="Answers like an untrained network on forget samples, and like the base model on retain samples.",
    paper="Chundawat et al., Can Bad Teaching Induce Forgetting?, AAAI 2023 (arXiv 2205.08096), Eq. 2 to 4",
    params=BadTeacherParams,
    implementation="cu_core.methods.bad_teacher:unlearn",
    divided=by_all_processes,
    needs_labels=False,
    needs="A share of the retain samples, the base model and an untrained one beside the model that learns; no labels.",
    fails="An untrained network answers unlike a retrained one: it is unsure of everything, where a retrained one is "
    "right about many samples that it never saw. So forget samples stand out by their low confidence.",
    rounds={"class": 10, "sample": 10},
)
