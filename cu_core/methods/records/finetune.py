"""Records of fine-tuning and of its sparse form: what the form, the command line and the docs say of them."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes
from cu_core.methods.records import fields

_SPARSE = "Jia et al., Model Sparsity Can Simplify Machine Unlearning, NeurIPS 2023"
_PAPER = f"released code of {_SPARSE}"


@dataclass(frozen=True)
class FinetuneParams:
    """Hyper-parameters of fine-tuning."""

    lr: float = fields.lr(0.01, f"0.01 ({_PAPER}); encoders 0.06 (Alignment Calibration)")
    momentum: float = fields.momentum(f"0.9 ({_PAPER})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_PAPER})")
    batch_size: int = fields.batch_size(256, "Retain samples", f"256 ({_PAPER}; comparison in Lee et al.)")
    batch_norm: str = fields.batch_norm("train", f"train ({_PAPER})")


@dataclass(frozen=True)
class L1FinetuneParams(FinetuneParams):
    """Hyper-parameters of fine-tuning, and the weight of sparsity."""

    alpha: float = param(
        5e-4,
        "Sparsity α",
        "Weight of the sum of all absolute weights in the first round; falls linearly, towards 0 after the last "
        "planned round.",
        low=0.0,
        high=1.0,
        paper="1e-5 to 5e-4 over the benchmarks (3e-4 in RULI)",
    )


_NEEDS = "All retain samples: here a round is one pass over them, not over the forget samples. No forget samples."
_ROUNDS = {"class": 10, "sample": 10}

FINETUNE = Method(
    id="finetune",
    title="Finetune",
    summary="Goes on training on the retain samples alone and relies on the network forgetting the others by itself.",
    paper=f"a baseline of most papers; settings of {_SPARSE} (arXiv 2304.04934)",
    params=FinetuneParams,
    implementation="cu_core.methods.finetune:unlearn",
    divided=by_all_processes,
    objectives=fields.BOTH,
    needs_forget=False,
    needs=_NEEDS,
    fails="Nothing pushes the forget samples out: at small learning rates they stay, above all single samples.",
    rounds=_ROUNDS,
)
L1_FINETUNE = Method(
    id="l1_finetune",
    title="ℓ1-sparse finetune",
    summary="Fine-tunes on the retain samples while the absolute weights shrink, so that less can be remembered.",
    paper=f"{_SPARSE} (arXiv 2304.04934), Eq. 3",
    params=L1FinetuneParams,
    implementation="cu_core.methods.finetune:unlearn_sparse",
    divided=by_all_processes,
    objectives=fields.BOTH,
    needs_forget=False,
    needs=_NEEDS,
    fails="Too large an α costs accuracy on all samples alike, too small a one is plain fine-tuning.",
    rounds=_ROUNDS,
)
