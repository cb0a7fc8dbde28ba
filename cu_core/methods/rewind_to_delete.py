"""Rewind-to-delete (Mu & Klabjan, NeurIPS 2025): repeats the end of the training without the forget samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.heavy import later, torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, PER_HALF, Method
from cu_core.methods import fields
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning import training
else:
    training = later("cu_core.learning.training")


@dataclass(frozen=True)
class RewindParams:
    """How far to go back is said by the number of rounds; the recipe is that of the training."""

    noise: float = param(
        0.0,
        "Noise σ",
        "Deviation of Gaussian noise that is added to every weight after the last round.",
        low=0.0,
        high=1.0,
        special="0 = none",
        otherwise=("some", 0.01),
        paper="from ε, δ and the smoothness of the loss",
    )


METHOD = Method(
    id="rewind_to_delete",
    title="Rewind to delete",
    summary="Goes back to an earlier epoch of the training and repeats the rest of it on the retain samples alone.",
    paper="Mu & Klabjan, Rewind-to-Delete: Certified Machine Unlearning for Nonconvex Functions, NeurIPS 2025 "
    "(arXiv 2409.09778)",
    params=RewindParams,
    implementation=lambda: unlearn,
    objectives=fields.BOTH,
    needs_forget=False,
    needs_labels=False,
    needs_earlier=True,
    starts_anew=True,
    needs="The base model's weights as many epochs before the end as there are rounds. They are kept by the training "
    "of a run that asks for this method; a model that was trained before is trained again for it, unless "
    "train.keep_every had them kept. All retain samples: a round is an epoch.",
    fails="What was learned of the forget samples before that epoch stays. The certificate of the paper holds for "
    "descent on all samples at once with a constant step, a smooth loss and noise: not for a usual training, and "
    "without noise for none.",
    rounds={"class": PER_HALF, "sample": PER_HALF},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: RewindParams) -> Iterator[dict[str, float]]:
    """K epochs of the original recipe on retain samples, from the weights K epochs before its end; K is all rounds.

    Learning rate, order of samples and augmentation are those of the epochs that are repeated. Momentum, and what an
    encoder's loss remembers, begin anew, since weights alone are kept. The paper takes as many steps of full gradient
    descent as it goes back, and then adds the noise.

    Args:
        context: model, data, recipe and the earlier weights.
        params: the noise.

    Yields:
        Per round ``loss`` over the retain samples and, for classifiers, ``accuracy`` on them, both while training.
    """
    back = context.max_rounds
    if context.first_round == 1:
        context.model.load_state_dict(context.earlier(back))
    repeated = training.Training(context.model, context.retain, context.recipe, context.base_seed, context.precision)
    repeated.epoch = context.recipe.epochs - back
    repeated = context.keep("training", repeated)
    for number in context.rounds():
        report = repeated.run_epoch(context.check)
        # The training draws from batches of its own.
        context.retain.images_drawn += len(context.retain)
        if number == back and params.noise:
            _disturb(context, params.noise)
        diagnostics = {"loss": report.loss, "accuracy": report.accuracy}
        yield {name: value for name, value in diagnostics.items() if value is not None}


def _disturb(context: Context, deviation: float) -> None:
    with torch.no_grad():
        for value in context.model.parameters():
            value.add_(deviation * torch.randn(value.shape, generator=context.generator).to(value))
