"""SCRUB (Kurmanji et al., NeurIPS 2023): a student that disobeys its teacher on forget samples, and its rewinding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cu_core.base.errors import DatasetError
from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps
from cu_core.methods.teacher import distillation_loss, frozen_copy

if TYPE_CHECKING:
    from cu_core.data.batches import Split

_CODE = "released code, CIFAR-10"


@dataclass(frozen=True)
class ScrubParams:
    """Hyper-parameters; defaults are those of the released code for a class of CIFAR-10."""

    lr: float = param(
        5e-4,
        "Learning rate",
        "Step size of SGD.",
        low=1e-7,
        high=1.0,
        search=(5e-5, 0.05),
        log=True,
        paper=f"5e-4 ({_CODE})",
    )
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
        search=(1e-4, 1.0),
        paper=f"0.001 ({_CODE}); 0.5 on small data",
    )
    msteps: int = param(
        2,
        "Rounds of ascent",
        "In this many first rounds a pass away from the teacher on forget samples comes before the pass over retain "
        "samples.",
        low=1,
        high=1000,
        search=(1, 5),
        unit="rounds",
        paper=f"2 ({_CODE}); 3 on small data",
    )
    temperature: float = param(
        4.0,
        "Temperature T",
        "Softens the compared answers.",
        low=0.1,
        high=100.0,
        search=(1.0, 8.0),
        log=True,
        paper="4 (released code)",
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
    schedule: str = param(
        "constant",
        "Learning rate over the rounds",
        "constant: the same in all rounds; released: a tenth of it after round 3, again after 5 and after 9.",
        choices=("constant", "released"),
        paper=f"released ({_CODE}), where three rounds never reach it",
        advanced=True,
        later=True,
    )


_PAPER = "Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023 (arXiv 2302.09880)"
_ROUNDS = {"class": 3, "sample": 5}

SCRUB = Method(
    id="scrub",
    title="SCRUB",
    summary="Drives the answers on forget samples away from a frozen teacher's and repairs them on retain samples.",
    paper=f"{_PAPER}, Eq. 3",
    params=ScrubParams,
    implementation=lambda: unlearn,
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
    implementation=lambda: unlearn_and_rewind,
    divided=by_all_processes,
    needs_unseen=True,
    needs="What SCRUB needs, unseen samples of the forgotten classes, and memory for the weights of every round.",
    fails="Rewinds after the last round only: where a stopping rule ends the run before, it is SCRUB (set the rule to "
    "none). With few unseen samples the error to return to is coarse.",
    rounds=_ROUNDS,
)
METHODS.add(SCRUB, SCRUB_R)

ASKED_AT_ONCE = 512
# After these rounds the released code takes a tenth of the learning rate.
DECAYS = (3, 5, 9)


class Checkpoints:
    """The weights after each round, with the error on the forget samples that belongs to these very weights."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []
        self.errors: list[float] = []

    def add(self, state: dict[str, torch.Tensor], error: float) -> None:
        """Copies the weights of a round."""
        self.weights.append({name: value.detach().clone() for name, value in state.items()})
        self.errors.append(error)

    def nearest(self, error: float) -> int:
        """Position of the round with the nearest error; the earliest of several."""
        return min(range(len(self.errors)), key=lambda i: abs(self.errors[i] - error))

    def state_dict(self) -> dict[str, Any]:
        """All weights and errors."""
        return {"weights": list(self.weights), "errors": list(self.errors)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.weights, self.errors = list(state["weights"]), list(state["errors"])


def unlearn(context: Context, params: ScrubParams) -> Iterator[dict[str, float]]:
    """SCRUB (Eq. 3): away from the teacher on forget samples, then cross-entropy and towards it on retain samples.

    A round is a pass over the forget samples with loss -d, in the first rounds only, and then one over the retain
    samples with loss γ · cross-entropy + α · d, where d is `distillation_loss`. SGD with momentum and the learning rate
    of `rate`. Batch norm is in training mode in both passes, as in the released code.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``forget_distance``, ``retain_distance``, ``retain_loss``, of ``loss`` over all steps
        and of ``gradient_norm``.
    """
    model = context.model
    teacher = frozen_copy(context)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    steps = Steps(context, optimizer)

    def answer(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        student_logits, teacher_logits = steps.logits(x), steps.logits(x, teacher)
        return student_logits, distillation_loss(student_logits, teacher_logits, params.temperature)

    for number in context.rounds():
        for group in optimizer.param_groups:
            group["lr"] = rate(params, number)
        if number <= params.msteps:
            for x, _, _ in context.forget.epoch(params.forget_batch):
                _, distance = answer(x)
                steps.take(-distance, forget_distance=distance)
        for x, y, _ in context.retain.epoch(params.retain_batch):
            logits, distance = answer(x)
            retain_loss = context.loss(logits, y)
            loss = params.gamma * retain_loss + params.alpha * distance
            steps.take(loss, retain_loss=retain_loss, retain_distance=distance)
        yield steps.means()


def rate(params: ScrubParams, number: int) -> float:
    """Learning rate of a round, counted from 1."""
    passed = sum(number > last for last in DECAYS) if params.schedule == "released" else 0
    return params.lr * 0.1**passed


def unlearn_and_rewind(context: Context, params: ScrubParams) -> Iterator[dict[str, float]]:
    """SCRUB+R: SCRUB that, in its last round, goes back to the round with the fitting error on the forget samples.

    Fitting is the error nearest to that of the final model on unseen samples with the forget samples' mix of
    classes. A run that a stopping rule ends before the last round is left as the rule found it: nothing is rewound.

    Args:
        context: model, data and randomness; the unseen samples are read in the last round.
        params: hyper-parameters.

    Yields:
        What `unlearn` yields and ``forget_error``; in the last round also ``reference_error`` and ``rewound_to``, the
        number of the round that the weights are from.

    Raises:
        DatasetError: no unseen samples of the forget samples' classes.
    """
    shares = torch.bincount(context.forget.source.labels[context.forget.indices.to(context.device)])
    checkpoints = context.keep("checkpoints", Checkpoints())
    last = context.max_rounds
    if context.unseen is None:
        raise DatasetError("data", "there are too few unseen samples to set some apart for this method")
    for number, diagnostics in zip(context.rounds(), unlearn(context, params), strict=True):
        forget_error = error_of(context, context.forget, shares)
        checkpoints.add(context.model.state_dict(), forget_error)
        diagnostics["forget_error"] = forget_error
        if number == last:
            reference_error = error_of(context, context.unseen, shares)
            chosen = checkpoints.nearest(reference_error)
            context.model.load_state_dict(checkpoints.weights[chosen])
            diagnostics |= {"reference_error": reference_error, "rewound_to": float(chosen + 1)}
        yield diagnostics


def error_of(context: Context, split: Split, shares: torch.Tensor) -> float:
    """A model's error rate, as if the classes had a given mix.

    Args:
        context: whose model is evaluated, in evaluation mode.
        split: labelled samples.
        shares: (k,) weights of the first k classes, the others have none; a class without samples is left out.

    Raises:
        DatasetError: no sample of a class with weight.
    """
    model = context.model.eval()
    wrong, seen = (torch.zeros(context.classes, device=context.device) for _ in range(2))
    for x, y, _ in split.epoch(ASKED_AT_ONCE, shuffle=False):
        context.check()
        with torch.no_grad():
            missed = (model(x).argmax(1) != y).float()
        wrong.index_add_(0, y, missed)
        seen.index_add_(0, y, torch.ones_like(missed))
    weights = torch.zeros_like(seen)
    weights[: len(shares)] = shares.to(seen)
    weights *= seen > 0
    if not weights.sum():
        raise DatasetError("data", "there are no unseen samples of the forgotten classes")
    return float((weights * wrong / seen.clamp(min=1)).sum() / weights.sum())
