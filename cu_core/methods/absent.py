"""Methods of the literature that are not implemented, with what each would need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Absent:
    """A method that papers compare with and that this program does not have.

    Attributes:
        id: name that it would have.
        title: name shown to people.
        paper: source.
        summary: what it does, in one sentence.
        missing: what would be needed to add it.
    """

    id: str
    title: str
    paper: str
    summary: str
    missing: str


ABSENT: tuple[Absent, ...] = (
    Absent(
        id="puma",
        title="PUMA",
        paper="Wu, Hashemi & Srinivasa, PUMA: Performance Unchanged Model Augmentation for Training Data Removal, "
        "AAAI 2022 (arXiv 2203.00846)",
        summary="Estimates by influence functions what removing samples does to the model's performance, and makes up "
        "for it by an optimal new weighting of the other training samples.",
        missing="A solver for inverse Hessian-vector products that holds on networks (damped conjugate gradients or a "
        "stochastic series), influences of single retain samples on a performance criterion, and the optimisation of "
        "their weights. No public code fixes damping and step sizes.",
    ),
    Absent(
        id="arcane",
        title="ARCANE",
        paper="Yan et al., ARCANE: An Efficient Architecture for Exact Machine Unlearning, IJCAI 2022",
        summary="Trains one model per class, each on blocks of its class with saved states, so that only the models of "
        "the forgotten samples' classes are trained again: exact.",
        missing="A one-class objective, an ensemble with a member per class instead of one per shard, the paper's "
        "choice of representative samples per block, and saved states as SISA has them. What it forgets is no "
        "ordinary classifier: none of the other methods could start from the same model.",
    ),
)
