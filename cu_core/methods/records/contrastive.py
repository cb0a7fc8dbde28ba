"""Record of contrastive unlearning: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes


@dataclass(frozen=True)
class ContrastiveStepParams:
    """Hyper-parameters of both variants; defaults are those of the released code and the rebuttal."""

    lr: float = param(
        1e-3, "Learning rate", "Step size of SGD.", low=1e-7, high=10.0, log=True, paper="1e-3 (released code)"
    )
    momentum: float = param(
        0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper="0.9 (released code)", advanced=True
    )
    temperature: float = param(
        0.7,
        "Temperature τ",
        "Divides the cosine similarities; smaller is sharper.",
        low=0.01,
        high=10.0,
        log=True,
        paper="0.7 (released code)",
    )
    unlearn_weight: float = param(
        3.0, "Weight λ_UL", "Weight of the unlearning loss.", low=0.0, high=1000.0, paper="3 (released code)"
    )
    retain_weight: float = param(
        1.0,
        "Weight λ_CE",
        "Weight of cross-entropy on retain samples; of the self-supervised loss where an encoder unlearns.",
        low=0.0,
        high=1000.0,
        paper="1 (released code)",
    )
    retain_batches: int = param(
        4, "Retain batches ω", "Fresh retain batches per forget batch.", low=1, high=64, paper="4 (ω ≤ 4, paper)"
    )
    batch_size: int = param(
        128,
        "Batch size",
        "Forget samples per step, and as many retain samples.",
        low=2,
        high=4096,
        unit="samples",
        paper="128 (rebuttal, reported tables)",
    )
    normalize: bool = param(
        True,
        "Normalise embeddings",
        "Off is the ablation that reviewers asked for: the loss is then unbounded.",
        paper="on",
        advanced=True,
    )


@dataclass(frozen=True)
class ContrastiveParams(ContrastiveStepParams):
    """Hyper-parameters of contrastive unlearning."""

    weighting: str = param(
        "paper",
        "Weighting",
        "paper: Eq. 5 as printed; released: the released code's extra weight M/n on the same-class term.",
        choices=("paper", "released"),
        paper="Eq. 5",
        advanced=True,
    )
    queue: int = param(
        0,
        "Queue length",
        "Contrast against this many recent retain embeddings instead of the batch; 0 switches the queue off.",
        low=0,
        high=65536,
        unit="embeddings",
        paper="2000 (queue variant of the rebuttal)",
        advanced=True,
    )


@dataclass(frozen=True)
class ContrastiveQueueParams(ContrastiveStepParams):
    """Hyper-parameters of the queue variant."""

    queue: int = param(
        2000,
        "Queue length",
        "Retain embeddings that a forget sample is contrasted with, the latest ones.",
        low=1,
        high=65536,
        unit="embeddings",
        paper="2000 (queue variant of the rebuttal)",
    )
    key_momentum: float = param(
        0.0,
        "Key momentum m",
        "The queue's embeddings come from a slow copy of the network, which keeps this share of itself in each step; "
        "0 takes the network itself.",
        low=0.0,
        high=0.9999,
        special="0 = no slow copy",
        paper="0 (queue variant of the rebuttal, where the copy is switched off); 0.99 is usual",
        advanced=True,
    )


METHOD = Method(
    id="contrastive",
    title="Contrastive unlearning",
    summary="Pushes forget samples out of their class by contrasting them with retained samples of other classes.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), Eq. 5-7",
    params=ContrastiveParams,
    implementation="cu_core.methods.contrastive:unlearn",
    divided=by_all_processes,
    tasks=("class", "sample"),
    objectives=("supervised", "self-supervised"),
    needs_retain=True,
    needs_labels=True,
    needs="Labels, and ω retain batches per forget batch; an encoder needs the labels for unlearning alone.",
    fails="Class forgetting has no push: samples are only pulled to the mean of the others. Its weights are balanced "
    "by hand; and a batch of retain samples without the forget sample's class, as with many classes, has nothing to "
    "push it from.",
    rounds={"class": 20, "sample": 40},
)
CONTRASTIVE_QUEUE = Method(
    id="contrastive_queue",
    title="Contrastive unlearning, queue",
    summary="Contrasts forget samples with a long queue of retain embeddings in place of one batch of them.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), queue variant of the rebuttal",
    params=ContrastiveQueueParams,
    implementation="cu_core.methods.contrastive:unlearn_queue",
    divided=by_all_processes,
    objectives=("supervised", "self-supervised"),
    needs="Labels, ω retain batches per forget batch, and a queue of retain embeddings.",
    fails="Weaker than the variant with batches: all entries of the queue, those of other classes too, repel in the "
    "softmax. Where a class is forgotten nothing in the queue shares its label, so what attracts is nearly what "
    "repels, and the loss only evens the similarities out.",
    rounds={"class": 20, "sample": 40},
)
