"""Record of UNSIR: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes

_CODE = "released notebook"


@dataclass(frozen=True)
class UnsirParams:
    """Hyper-parameters; defaults are those of the released notebook for a class of CIFAR-10."""

    impair_lr: float = param(
        0.02, "Impair rate", "Step size of Adam while impairing.", low=1e-7, high=1.0, log=True, paper=f"0.02 ({_CODE})"
    )
    repair_lr: float = param(
        0.01, "Repair rate", "Step size of Adam while repairing.", low=1e-7, high=1.0, log=True, paper=f"0.01 ({_CODE})"
    )
    per_class: int = param(
        1000,
        "Retain samples per class",
        "How many samples of each other class are used, drawn once.",
        low=1,
        high=1_000_000,
        unit="samples",
        paper=f"1000 ({_CODE})",
    )
    copies: int = param(
        20,
        "Copies of the noise",
        "How often each noise image takes part in a pass.",
        low=1,
        high=1000,
        paper=f"20 ({_CODE})",
    )
    batch_size: int = param(
        256,
        "Batch size",
        "Images per step of impairing and repairing.",
        low=2,
        high=4096,
        unit="images",
        paper=f"256 ({_CODE})",
    )
    noise_batch: int = param(
        256, "Noise images", "Noise images per forgotten class.", low=1, high=4096, paper=f"256 ({_CODE})"
    )
    noise_steps: int = param(
        40,
        "Noise steps",
        "Steps of Adam by which the noise is learned.",
        low=1,
        high=100_000,
        paper=f"40 ({_CODE}: 5 × 8)",
        advanced=True,
    )
    noise_lr: float = param(
        0.1, "Noise rate", "Step size of Adam on the noise.", low=1e-5, high=10.0, paper=f"0.1 ({_CODE})", advanced=True
    )
    noise_weight: float = param(
        0.1,
        "Weight λ",
        "Weight of the noise's squared norm; keeps it small.",
        low=0.0,
        high=100.0,
        paper=f"0.1 ({_CODE})",
        advanced=True,
    )


METHOD = Method(
    id="unsir",
    title="UNSIR",
    summary="Teaches noise that the model least takes for the forgotten class as that class, then repairs the others.",
    paper="Tarun et al., Fast Yet Effective Machine Unlearning, IEEE TNNLS 2023 (arXiv 2111.08947), §IV",
    params=UnsirParams,
    implementation="cu_core.methods.unsir:unlearn",
    divided=by_all_processes,
    tasks=("class",),
    needs_forget=False,
    needs="Some retain samples of every other class, but no forget sample: only the names of the forgotten classes.",
    fails="The impairing step is large: with too high a rate one pass of repair does not bring the other classes back, "
    "and repairing with similar classes brings the forgotten one back too.",
    rounds={"class": 1},
)
