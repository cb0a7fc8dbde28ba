"""The parts of a run's specification that do not change the model: stopping, recording, attacks and verdict."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.stopping import STOPPING_RULES


@dataclass(frozen=True)
class StopSpec:
    """When unlearning ends."""

    rule: str = param(
        "auto",
        "Stopping rule",
        lambda: " ".join(
            [f"{rule.id}: {rule.summary}" for rule in STOPPING_RULES.values()]
            + ["auto picks by forget set, and none for encoders."]
        ),
        choices=lambda: ("auto", *STOPPING_RULES),
    )
    protocol: str = param(
        "held-out",
        "Protocol",
        "held-out: the rule looks at other samples than the ones reported; paper: at all of them.",
        choices=("held-out", "paper"),
        paper="paper: rule on the reported test set",
    )
    max_rounds: int = param(
        0,
        "Most rounds",
        "Upper limit on rounds; 0 takes the method's default.",
        low=0,
        high=100_000,
        unit="rounds",
        special="0 = default",
        otherwise=("at most", 10),
    )
    collapse_drop: float = param(
        0.5,
        "Collapse guard",
        "Stop when retain accuracy has fallen by this much since round 0.",
        low=0.01,
        high=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class ProbeSpec:
    """Which samples are recorded each round, and what of them."""

    size: int = param(2000, "Probe size", "Samples recorded each round.", low=30, high=1_000_000, unit="samples")
    views_every: int = param(
        0,
        "Two-view cosine every",
        "Rounds between recordings of the two-view cosine (encoders: of all pairs of views, of two in every round); "
        "0 takes them as rarely as keeps recording within half of a round's work.",
        low=0,
        high=10_000,
        unit="rounds",
        special="0 = by itself",
        otherwise=("every", 1),
        advanced=True,
    )
    tsne: bool = param(
        True,
        "t-SNE",
        "At the end, one t-SNE of the outputs over three rounds and the reference.",
        advanced=True,
    )
    seed: int = param(0, "Probe seed", "Seed of the draw.", low=0, high=2**31 - 1, advanced=True)
    keep_weights_mb: int = param(
        64,
        "Keep weights",
        "Keeps the weights of each round as long as those of all rounds together fit into this; 0 keeps none. Of a "
        "network that does not fit twice none are kept.",
        low=0,
        high=1_000_000,
        unit="MB",
        special="0 = none",
        otherwise=("up to", 64),
        advanced=True,
        later=True,
    )


@dataclass(frozen=True)
class AuditSpec:
    """Which membership attacks are made on the finished run, and on how many samples."""

    attacks: str = param(
        "auto",
        "Membership attacks",
        "auto makes all that fit the model; none leaves them out.",
        choices=("auto", "none"),
    )
    size: int = param(
        2000,
        "Audit size",
        "Most forget samples, and as many unseen ones of the same classes.",
        low=20,
        high=100_000,
        unit="samples",
        advanced=True,
    )
    views: int = param(
        10,
        "Views",
        "Augmented views per sample for EncoderMI; n views give n(n-1)/2 similarities.",
        low=2,
        high=50,
        unit="views",
        paper="10 (Liu et al.)",
        advanced=True,
    )
    draws: int = param(
        500,
        "Bootstrap draws",
        "Redraws of the scored samples behind each 95 % interval.",
        low=20,
        high=10_000,
        unit="draws",
        advanced=True,
    )
    verdict: bool = param(
        True,
        "Verdict",
        "At the end, asks whether the model can be told from retrained ones; it needs five references to conclude.",
        advanced=True,
        later=True,
    )
    seed: int = param(0, "Audit seed", "Seed of draws, folds and views.", low=0, high=2**31 - 1, advanced=True)
    shadows: int = param(
        0,
        "Shadow models",
        "Deep audit: so many models are trained as the base model was, and unlearned by the same method; 0 makes none.",
        low=0,
        high=10_000,
        unit="models",
        special="0 = no deep audit",
        otherwise=("train", 16),
        advanced=True,
        later=True,
    )
    first_shadow: int = param(
        0,
        "First shadow",
        "Shadow model that this run begins with; runs that begin elsewhere share the work.",
        low=0,
        high=9_999,
        advanced=True,
        later=True,
    )
    of_run: str = param(
        "",
        "Audited run",
        "Id of the run whose unlearning a deep audit repeats; its weights are compared with what comes out.",
        advanced=True,
        later=True,
    )
