"""Records of random labels and of SalUn: what the form, the command line and the docs say of them."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes
from cu_core.methods.records import fields

_SALUN = "released code of SalUn (Fan et al., ICLR 2024)"


@dataclass(frozen=True)
class RandomLabelParams:
    """Hyper-parameters of training on random labels."""

    lr: float = fields.lr(0.01, f"1e-4 to 0.1 ({_SALUN})")
    momentum: float = fields.momentum(f"0.9 ({_SALUN})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SALUN})")
    batch_size: int = fields.batch_size(256, "Forget and retain samples together", f"256 ({_SALUN})")
    retain_share: float = fields.retain_share(
        1.0, f"1 ({_SALUN}); 0 (Graves et al., SSD's code, Unlearning Comparator)"
    )
    batch_norm: str = fields.batch_norm("train", f"train ({_SALUN})")


@dataclass(frozen=True)
class SalunParams(RandomLabelParams):
    """Hyper-parameters of SalUn: those of random labels and the share of weights that may change."""

    lr: float = fields.lr(0.013, f"0.013 ({_SALUN}, 10 % of the samples)")
    saliency: float = param(
        0.5,
        "Salient share",
        "Share of the weights that may change: those with the largest gradient on the forget samples.",
        low=0.001,
        high=1.0,
        special="1 = all, which is random labels",
        paper=f"0.5 ({_SALUN})",
    )


_NEEDS = "Labels, and retain samples beside the forget samples (settable)."
_ROUNDS = {"class": 10, "sample": 10}

RANDOM_LABEL = Method(
    id="random_label",
    title="Random label",
    summary="Trains on the forget samples with random wrong labels, and on retain samples with their own.",
    paper="Graves et al., Amnesiac Machine Learning, AAAI 2021 (arXiv 2010.10981); settings of SalUn's released code",
    params=RandomLabelParams,
    implementation="cu_core.methods.random_label:unlearn",
    divided=by_all_processes,
    needs=_NEEDS,
    fails="Learns the wrong labels by heart: forget samples end up more wrong, and easier to tell, than unseen ones.",
    rounds=_ROUNDS,
)
SALUN = Method(
    id="salun",
    title="SalUn",
    summary="Trains on random wrong labels, but changes only the weights that matter most for the forget samples.",
    paper="Fan et al., SalUn, ICLR 2024 (arXiv 2310.12508), Eq. 4 and 5",
    params=SalunParams,
    implementation="cu_core.methods.salun:unlearn",
    divided=by_all_processes,
    needs=_NEEDS,
    fails="As random labels do; the share of weights is a guess, and gradients of samples known by heart are tiny.",
    rounds=_ROUNDS,
)
