"""Result tables of Wang & Chen, Machine Unlearning in Contrastive Learning (arXiv 2405.07317).

The numbers are those that the papers print. Table VI has the numbers of Method 2 with 2,000 samples in Table V, so it
is read as Method 2; Table II agrees with the first row of Table IV, so it is read as Method 1, and so are III and VII,
which do not name theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cu_core.analysis.papers.paper_table import PaperColumn, PaperRow, PaperTable

_WANG = "Wang & Chen, arXiv 2405.07317"
_METHOD_1 = {"method.id": "gradient_penalty"}
_METHOD_2 = {"method.id": "gradient_penalty_members"}
_MOCO = {"train.objective": "moco"}

ACC = (
    "ACC: linear evaluation on unseen images (the paper: linear evaluation as well); kNN: weighted nearest neighbours."
)
MIA = (
    "MIA: accuracy of EncoderMI, which the paper reports in one way only. Ours is EncoderMI-T, transferred: fitted "
    "before unlearning, applied after. Re-fitted: by an attacker who knows that unlearning happened."
)
FEATURES = (
    "Top-1, loss and cos: means over forget samples of the highest softmax output, of the loss of the encoder's own "
    "training and of the cosine of two augmented views."
)


def _before_after(*quantities: tuple[str, str, str]) -> tuple[PaperColumn, ...]:
    return tuple(
        PaperColumn(f"{name}_{moment[0]}", f"{title} {moment}", moment, quantity)
        for moment in ("before", "after")
        for name, title, quantity in quantities
    )


_AFTER = tuple(
    PaperColumn(name, title, "after", quantity)
    for name, title, quantity in (
        ("acc", "ACC after", "accuracy"),
        ("mia", "MIA after", "mia"),
        ("top1", "Top-1 after", "top1"),
        ("loss", "Loss after", "loss"),
        ("cos", "Cos after", "cosine"),
    )
)
_OURS = (
    PaperColumn("knn", "kNN after", "after", "knn"),
    PaperColumn("refitted", "MIA after, re-fitted", "after", "mia_refitted"),
)


def _row(
    name: str, title: str, columns: Sequence[PaperColumn], numbers: Sequence[Any], settings: Mapping[str, Any]
) -> PaperRow:
    """A row from numbers in the order of the columns; columns beyond them are ours alone."""
    return PaperRow(name, title, {c.id: v for c, v in zip(columns, numbers, strict=False)}, settings)


_II = (
    *_before_after(
        ("acc", "ACC", "accuracy"),
        ("mia", "MIA", "mia"),
        ("rec", "Recall", "mia_recall"),
        ("prec", "Precision", "mia_precision"),
    ),
    *_OURS,
)
_III = (*_before_after(("acc", "ACC", "accuracy"), ("mia", "MIA", "mia")), *_OURS)
_IV = (
    PaperColumn("acc_b", "ACC before", "before", "accuracy"),
    PaperColumn("mia_b", "MIA before", "before", "mia"),
    *_AFTER,
    *_OURS,
)
# The same model stands before every row of Tables IV to VI.
_SAME_START = (70, 87)


def _terms(on: Sequence[bool], weights: Sequence[str]) -> dict[str, Any]:
    """Settings of an ablation: the weight of every term that is left out is 0."""
    return {name: 0.0 for name, kept in zip(weights, on, strict=True) if not kept}


def _tick(kept: bool) -> str:
    return "yes" if kept else "no"


_ABLATION_1 = {
    # MNorm, GP, MLoss
    (True, True, True): (60, 51, 0.22, 3.7, 0.59),
    (True, True, False): (54, 50, 0.03, 4.4, 0.55),
    (True, False, False): (10, 50, None, None, None),
    (False, True, True): (62, 50, 0.40, 3.2, 0.59),
    (True, False, True): (57, 94, 0.35, 1.23, 0.92),
    (False, True, False): (55, 50, 0.40, 1.19, 0.59),
}
_ABLATION_2 = {(True, True): (60, 50, 0.25, 3.9, 0.57), (True, False): (51, 50, 0.23, 4.9, 0.54)}
_COUNTS = {
    1000: (56, 51, 0.37, 4.2, 0.59),
    2000: (60, 51, 0.25, 3.9, 0.57),
    3000: (61, 52, 0.31, 3.4, 0.60),
    4000: (63, 52, 0.36, 3.3, 0.63),
    5000: (64, 50, 0.40, 3.2, 0.65),
    10000: (67, 53, 0.50, 2.8, 0.68),
}
_ALL_FORGOTTEN = (
    "forgets every training image; without retain images there is nothing that nearest neighbours and the linear "
    "evaluation could be fitted to"
)
_VII = (
    *_before_after(
        ("acc", "ACC", "accuracy"),
        ("mia", "MIA", "mia"),
        ("m", "MTop1", "top1"),
        ("n", "NMTop1", "top1_unseen"),
    ),
    PaperColumn("acc_r", "Retrain ACC", "reference", "accuracy"),
    PaperColumn("m_r", "Retrain MTop1", "reference", "top1"),
    PaperColumn("n_r", "Retrain NMTop1", "reference", "top1_unseen"),
    PaperColumn("refitted", "MIA after, re-fitted", "after", "mia_refitted"),
)
_BEFORE = "Before unlearning the paper has top-1 0.98, loss 0.8 and cos 0.92."

# Ten epochs of unlearning, whatever the model says meanwhile; 2,000 samples where a table does not say otherwise.
_COMMON: dict[str, Any] = {"stop.rule": "none", "stop.max_rounds": 10, "forget.count": 2000}

TABLES: dict[str, PaperTable] = {
    t.id: replace(t, settings=_COMMON | dict(t.settings))
    for t in (
        PaperTable(
            "II",
            "Datasets, MoCo",
            f"{_WANG}, Table II",
            "Dataset",
            _II,
            (
                _row("cifar10", "CIFAR-10", _II, (70, 87, 87, 88, 60, 51, 52, 52), {"data.dataset": "cifar10"}),
                _row("cifar100", "CIFAR-100", _II, (32, 92, 92, 92, 25, 51, 51, 51), {"data.dataset": "cifar100"}),
                _row("svhn", "SVHN", _II, (76, 86, 87, 86, 73, 51, 51, 51), {"data.dataset": "svhn"}),
            ),
            _MOCO | _METHOD_1,
            (ACC, MIA),
        ),
        PaperTable(
            "III",
            "MoCo, SimCLR and BYOL",
            f"{_WANG}, Table III",
            "Model",
            _III,
            (
                _row("moco", "MoCo", _III, (70, 90, 60, 50), {"train.objective": "moco"}),
                _row("simclr", "SimCLR", _III, (66, 70, 60, 50), {"train.objective": "simclr"}),
                _row("byol", "BYOL", _III, (55, 70, 49, 50), {"train.objective": "byol"}),
            ),
            _METHOD_1,
            (ACC, MIA, "The paper's MIA before for MoCo is 87 in its other tables."),
        ),
        PaperTable(
            "IV",
            "Terms of Method 1, MoCo",
            f"{_WANG}, Table IV",
            "MNorm / GP / MLoss",
            _IV,
            tuple(
                _row(
                    "".join("yn"[not kept] for kept in on),
                    " / ".join(map(_tick, on)),
                    _IV,
                    (*_SAME_START, *numbers),
                    _terms(on, ("method.gamma", "method.beta", "method.alpha")),
                )
                for on, numbers in _ABLATION_1.items()
            ),
            _MOCO | _METHOD_1,
            (ACC, MIA, FEATURES, _BEFORE, "MNorm alone made the paper's model diverge (nan)."),
        ),
        PaperTable(
            "V",
            "Terms of Method 2, MoCo",
            f"{_WANG}, Table V",
            "MemGP / MLoss",
            _IV,
            tuple(
                _row(
                    "".join("yn"[not kept] for kept in on),
                    " / ".join(map(_tick, on)),
                    _IV,
                    (*_SAME_START, *numbers),
                    _terms(on, ("method.beta", "method.alpha")),
                )
                for on, numbers in _ABLATION_2.items()
            ),
            _MOCO | _METHOD_2,
            (ACC, MIA, FEATURES, _BEFORE),
        ),
        PaperTable(
            "VI",
            "Number of forgotten samples, MoCo, Method 2",
            f"{_WANG}, Table VI",
            "Forgotten",
            _IV,
            tuple(
                PaperRow(
                    str(n),
                    f"{n:,}",
                    {c.id: v for c, v in zip(_IV, (*_SAME_START, *numbers), strict=False)},
                    {"forget.count": n},
                    _ALL_FORGOTTEN if n == 10000 else "",
                )
                for n, numbers in _COUNTS.items()
            ),
            _MOCO | _METHOD_2,
            (
                ACC,
                MIA,
                FEATURES,
                _BEFORE,
                "The paper's rows for 2,000 samples here and in Table V differ in MIA (51, 50).",
            ),
        ),
        PaperTable(
            "VII",
            "Supervised models, with retraining",
            f"{_WANG}, Table VII",
            "Dataset",
            _VII,
            (
                _row(
                    "cifar10",
                    "CIFAR-10",
                    _VII,
                    (66, 80, 0.989, 0.889, 63, 50, 0.901, 0.892, 62, 0.916, 0.891),
                    {"data.dataset": "cifar10"},
                ),
                _row(
                    "cifar100",
                    "CIFAR-100",
                    _VII,
                    (32, 90, 0.997, 0.933, 28, 50, 0.944, 0.935, 29, 0.944, 0.935),
                    {"data.dataset": "cifar100"},
                ),
                _row(
                    "svhn",
                    "SVHN",
                    _VII,
                    (90, 70, 0.977, 0.912, 88, 50, 0.885, 0.881, 85, 0.892, 0.874),
                    {"data.dataset": "svhn"},
                ),
            ),
            {"train.objective": "supervised", "reference": 1} | _METHOD_1,
            (
                "ACC: share of unseen images classified correctly.",
                "MIA: accuracy of an attack on the confidence; the paper does not say how it was fitted. Ours is "
                "transferred, with the re-fitted one beside it.",
                "MTop1, NMTop1: mean top-1 probability of members (forget samples) and non-members (unseen ones).",
            ),
        ),
    )
}
