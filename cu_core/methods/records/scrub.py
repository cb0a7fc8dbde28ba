"""Records of SCRUB: what the form, the command line and the docs say of it and of its variant that rewinds."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes

_CODE = "released code, CIFAR-10"


@dataclass(frozen=True)
class ScrubParams:
    """Hyper-parameters; defaults are those of the released code for a class of CIFAR-10."""

    lr: float = param(5e-4, "Learning rate", "Step size of SGD.", low=1e-7, high=1.0, log=True, paper=f"5e-4 ({_CODE})")
    gamma: float = param(
        0.99,
        "Weight γ",
        "Weight of cross-entropy on retain samples.",
        low=0.0,
        high=1000.0,
        paper=f"0.99 ({_CODE}); 1 on small data",
    )
    alpha: float = param(
        0.001,
        "Weight α",
        "Weight of the distance to the teacher's answers on retain samples.",
        low=0.0,
        high=1000.0,
        paper=f"0.001 ({_CODE}); 0.5 on small data",
    )
    msteps: int = param(
        2,
        "Rounds of ascent",
        "In this many first rounds a pass away from the teacher on forget samples comes before the pass over retain "
        "samples.",
        low=1,
        high=1000,
        unit="rounds",
        paper=f"2 ({_CODE}); 3 on small data",
    )
    temperature: float = param(
        4.0, "Temperature T", "Softens the compared answers.", low=0.1, high=100.0, log=True, paper="4 (released code)"
    )
    forget_batch: int = param(
        512,
        "Forget batch size",
        "Forget samples per step: decides how many steps of ascent there are.",
        low=2,
        high=4096,
        unit="samples",
        paper=f"512 ({_CODE}, a class)",
    )
    retain_batch: int = param(
        256,
        "Retain batch size",
        "Retain samples per step.",
        low=2,
        high=4096,
        unit="samples",
        paper=f"256 ({_CODE}, a class)",
    )
    momentum: float = param(
        0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper="0.9 (released code)", advanced=True
    )
    weight_decay: float = param(
        5e-4,
        "Weight decay",
        "Pull of SGD towards 0.",
        low=0.0,
        high=1.0,
        paper=f"5e-4 ({_CODE}); 0.1 on small data",
        advanced=True,
    )


_PAPER = "Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023 (arXiv 2302.09880)"
_ROUNDS = {"class": 3, "sample": 5}

SCRUB = Method(
    id="scrub",
    title="SCRUB",
    summary="Drives the answers on forget samples away from a frozen teacher's and repairs them on retain samples.",
    paper=f"{_PAPER}, Eq. 3",
    params=ScrubParams,
    implementation="cu_core.methods.scrub:unlearn",
    divided=by_all_processes,
    needs="All retain samples in every round, and memory for a copy of the model.",
    fails="Ascent and repair pull against each other: with few steps of ascent nothing is forgotten, with many the "
    "forget samples stand out by losses higher than those of unseen ones.",
    rounds=_ROUNDS,
)
SCRUB_R = Method(
    id="scrub_r",
    title="SCRUB with rewinding",
    summary="SCRUB that returns to the round whose error on forget samples is that of comparable unseen samples.",
    paper=f"{_PAPER}, SCRUB+R",
    params=ScrubParams,
    implementation="cu_core.methods.scrub:unlearn_and_rewind",
    divided=by_all_processes,
    needs_unseen=True,
    needs="What SCRUB needs, unseen samples of the forgotten classes, and memory for the weights of every round.",
    fails="Rewinds after the last round only: where a stopping rule ends the run before, it is SCRUB (set the rule to "
    "none). With few unseen samples the error to return to is coarse.",
    rounds=_ROUNDS,
)
