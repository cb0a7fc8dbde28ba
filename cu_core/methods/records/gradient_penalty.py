"""Records of gradient-penalty unlearning: what the form, the command line and the docs say of its two methods."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.errors import BadInput
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method

VARIANTS = ("two_sided", "zero_centered", "linear")
BATCH_NORM = ("eval", "train")
_NOT_STATED = "not stated"


@dataclass(frozen=True)
class GradientPenaltyMembersParams:
    """Hyper-parameters of Method 2; the paper states hardly any of them."""

    alpha: float = param(
        1.0,
        "Weight α",
        "Weight of the original training loss on forget samples; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        special="0 = without",
        paper=_NOT_STATED,
    )
    beta: float = param(
        1.0,
        "Weight β",
        "Weight of the gradient penalty; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        special="0 = without",
        paper=_NOT_STATED,
    )
    variant: str = param(
        "two_sided",
        "Penalty",
        "two_sided: (norm - 1)², Eq. 1; zero_centered: norm², as Algorithm 1 prints it; linear: norm - 1, as "
        "Algorithm 2 prints it. The norm is that of the input gradient of each sample.",
        choices=VARIANTS,
        paper="two_sided (Eq. 1)",
    )
    batch_norm: str = param(
        "eval",
        "Batch norm",
        "eval: batch norm uses its stored statistics and leaves them as they are, so that each sample has a gradient "
        "of its own; train: it uses those of the batch and moves the stored ones towards the forget set.",
        choices=BATCH_NORM,
        paper=_NOT_STATED,
    )
    lr: float = param(
        1e-3, "Learning rate", "Step size of Adam.", low=1e-7, high=1.0, log=True, paper="not stated (training: 0.01)"
    )
    batch_size: int = param(
        128, "Batch size", "Forget samples per step.", low=1, high=4096, unit="samples", paper=_NOT_STATED
    )
    penalty_goal: float = param(
        0.0,
        "Penalty goal",
        "End once a round's mean penalty is no higher than this; 0 runs all rounds.",
        low=0.0,
        high=1000.0,
        special="0 = off",
        paper="the penalty is almost zero at the end",
        advanced=True,
    )

    def __post_init__(self) -> None:
        if not any(getattr(self, name, 0.0) for name in ("alpha", "beta", "gamma")):
            raise BadInput("method.alpha", "all terms have weight 0, so nothing would be unlearned", ("above 0",))
        if self.penalty_goal and not self.beta:
            raise BadInput("method.penalty_goal", "there is no penalty to reach a goal where beta is 0", ("0",))


@dataclass(frozen=True)
class GradientPenaltyParams(GradientPenaltyMembersParams):
    """Hyper-parameters of Method 1: those of Method 2 and the weight of the output norm."""

    gamma: float = param(
        0.1,
        "Weight γ",
        "Weight of the mean norm of the outputs on forget samples; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        special="0 = without",
        paper=_NOT_STATED,
    )


_PAPER = "Wang & Chen, Machine Unlearning in Contrastive Learning, arXiv 2405.07317"
_OBJECTIVES = ("supervised", "self-supervised")
_ROUNDS = {"class": 10, "sample": 10}


def _divided(params: GradientPenaltyMembersParams) -> bool:
    """Whether steps reach all weights, which the penalty alone does not, and leave batch norm at its own statistics.

    The statistics of a divided batch have no second derivative.
    """
    return params.alpha > 0 and params.batch_norm == "eval"


GRADIENT_PENALTY = Method(
    id="gradient_penalty",
    title="Gradient penalty (Method 1)",
    summary="Evens out the outputs between forget samples and samples that the model never saw.",
    paper=f"{_PAPER}, Eq. 1-2, Algorithm 1",
    params=GradientPenaltyParams,
    implementation="cu_core.methods.gradient_penalty:unlearn",
    divided=_divided,
    objectives=_OBJECTIVES,
    needs_retain=False,
    needs_unseen=True,
    needs_labels=False,
    needs="Unseen samples of about the same distribution, as many as forget samples, and a second derivative through "
    "the network: several times the time of a training step.",
    fails="Aims at membership attacks alone, not at a class that should no longer be recognised. The paper states no "
    "weights; with the wrong ones nothing moves, or the outputs fade to nothing.",
    rounds=_ROUNDS,
)
GRADIENT_PENALTY_MEMBERS = Method(
    id="gradient_penalty_members",
    title="Gradient penalty (Method 2)",
    summary="Evens out the outputs around the forget samples; needs no other samples.",
    paper=f"{_PAPER}, Eq. 1 and 3, Algorithm 2",
    params=GradientPenaltyMembersParams,
    implementation="cu_core.methods.gradient_penalty:unlearn_members",
    divided=_divided,
    objectives=_OBJECTIVES,
    needs_retain=False,
    needs_labels=False,
    needs="The forget samples alone, and a second derivative through the network: several times the time of a training "
    "step.",
    fails="Aims at membership attacks alone, not at a class that should no longer be recognised. Nothing but the "
    "training loss on the forget samples themselves holds the model.",
    rounds=_ROUNDS,
)
