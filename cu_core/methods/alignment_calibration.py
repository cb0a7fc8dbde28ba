"""Alignment calibration (Wang et al., MUC, TMLR 2025): encoders stop to find views of a forget image alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.steps import Steps, learning

if TYPE_CHECKING:
    from cu_core.learning.objectives.training_objective import PairObjective

_CODE = "released code, MoCo, 10 % of CIFAR-10"


@dataclass(frozen=True)
class AlignmentCalibrationParams:
    """Hyper-parameters of alignment calibration."""

    lr: float = fields.lr(0.006, f"0.006 ({_CODE}); 0.06 (its default)")
    alpha: float = param(
        1.0,
        "Strength α",
        "Weight of the similarity between two views of a forget image, which is made smaller.",
        low=0.0,
        high=1000.0,
        paper=f"0.8 to 2 ({_CODE})",
    )
    partner: str = param(
        "other",
        "Partner",
        "What the training loss pulls a forget image towards: other, a view of another forget image drawn at random; "
        "own, a view of itself, as in training.",
        choices=("other", "own"),
        paper=f"other ({_CODE}); own (its default)",
    )
    momentum: float = fields.momentum("0.9 (released code)")
    weight_decay: float = fields.weight_decay(5e-4, "5e-4 (released code)")
    batch_size: int = fields.batch_size(512, "Forget and retain samples together", "512 (released code)")
    batch_norm: str = fields.batch_norm("train", "train (released code)")


METHOD = Method(
    id="alignment_calibration",
    title="Alignment calibration",
    summary="Goes on training an encoder, but drives views of a forget image apart and towards other forget images.",
    paper="Wang et al., MUC: Machine Unlearning for Contrastive Learning with Black-box Evaluation, TMLR 2025 "
    "(arXiv 2406.03603); loss as in the released code, whose terms are those of its scripts for SimCLR and MoCo",
    params=AlignmentCalibrationParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    objectives=("self-supervised",),
    needs_labels=False,
    needs="All retain samples: here a round is one pass over them and the forget samples together. No labels.",
    fails="Presses on the very similarity that an attack on encoders looks at: with a large α the views of forget "
    "images differ more than those of images that were never seen, which gives them away as well. BYOL, which "
    "contrasts with nothing, is no part of the paper.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: AlignmentCalibrationParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down L + α · mean cos(z, z'): L over all samples of a batch, the cosine over its forget samples.

    L is the loss of the original training on pairs of views, in which the second view of a forget image shows
    another forget image (`AlignmentCalibrationParams.partner`). z and z' are embeddings of two views of the same
    forget image, as the training compares them: z' comes from the slow copy where there is one.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, its part ``training_loss``, ``forget_alignment``, the cosine, over the steps
        that had forget samples, and ``gradient_norm``.
    """
    model = context.model
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    steps = Steps(context, optimizer)
    objective = cast("PairObjective", steps.objective)
    for _ in context.rounds():
        for x, _, _, to_forget in mixed_epoch(context, params.batch_size, 1.0):
            pairs = _partners(context, x, to_forget) if params.partner == "other" else x
            first, third = objective.views(x, 2, context.generator)
            (second,) = objective.views(pairs, 1, context.generator)
            with learning(model, params.batch_norm, len(x)), context.precision.autocast():
                loss, cosine = objective.pairs(model, first, second, third)
            if to_forget.any():
                alike = cosine[to_forget].mean()
                steps.take(loss + params.alpha * alike, training_loss=loss, forget_alignment=alike)
            else:
                steps.take(loss, training_loss=loss)
        yield steps.means()


def _partners(context: Context, images: torch.Tensor, to_forget: torch.Tensor) -> torch.Tensor:
    """The images of a batch, with forget images drawn at random in the place of its forget images."""
    count = int(to_forget.sum())
    if not count:
        return images
    drawn = torch.randint(len(context.forget), (count,), generator=context.generator)
    others, _, _ = context.forget.take(context.forget.indices[drawn])
    changed = images.clone()
    changed[to_forget] = others
    return changed
