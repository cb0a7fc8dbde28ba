"""Bad Teacher (Chundawat et al., AAAI 2023): a competent and an incompetent teacher for one student."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.steps import Steps, learning
from cu_core.methods.teacher import distillation_loss, frozen_copy

_SSD = "SSD's released code"


@dataclass(frozen=True)
class BadTeacherParams:
    """Hyper-parameters of Bad Teacher."""

    lr: float = fields.lr(1e-4, f"1e-4 ({_SSD})", "Adam")
    batch_size: int = fields.batch_size(256, "Forget and retain samples together", f"256 ({_SSD})")
    retain_share: float = fields.fixed_share(0.3, "0.3 (paper and released code)")
    temperature: float = param(
        1.0,
        "Temperature T",
        "Divides the logits of teachers and student; larger compares the small probabilities too.",
        low=0.1,
        high=100.0,
        search=(0.5, 10.0),
        log=True,
        paper=f"1 ({_SSD})",
    )
    batch_norm: str = fields.batch_norm("train", "train (released code)")
    reduction: str = fields.released(
        "Reduction",
        "the divergence of a sample is summed over the classes, and multiplied by T² as Hinton et al. have it",
        "it is averaged over the classes and not multiplied by T², a loss smaller by C · T²; Adam hardly notices",
        "summed (Eq. 4); averaged (released code)",
    )


METHOD = Method(
    id="bad_teacher",
    title="Bad Teacher",
    summary="Answers like an untrained network on forget samples, and like the base model on retain samples.",
    paper="Chundawat et al., Can Bad Teaching Induce Forgetting?, AAAI 2023 (arXiv 2205.08096), Eq. 2 to 4",
    params=BadTeacherParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    retain_data="part",
    needs_labels=False,
    needs="A fixed share of the retain samples, the base model and an untrained one beside the model that learns; no "
    "labels.",
    fails="An untrained network answers unlike a retrained one: it is unsure of everything, where a retrained one is "
    "right about many samples that it never saw. So forget samples stand out by their low confidence.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)

# The incompetent teacher's weights are not those that the base model started from, whatever seed that had.
_OTHER_SEED = 2000


def unlearn(context: Context, params: BadTeacherParams) -> Iterator[dict[str, float]]:
    """Steps of Adam towards the base model's logits on retain, and an untrained one's on forget samples.

    The loss of a sample x is KL(T(x) ‖ S(x)) with T the incompetent teacher for forget samples and the competent
    one for retain samples, both in evaluation mode (Eq. 4). With the reduction of the released code it is divided by
    C · T², the number of classes times the square of the temperature.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    model = context.model
    steps = Steps(context, torch.optim.Adam(model.parameters(), lr=params.lr))
    competent = frozen_copy(context)
    incompetent = context.fresh(context.seed + _OTHER_SEED).requires_grad_(False).eval()
    for _ in context.rounds():
        for x, _, _, to_forget in mixed_epoch(context, params.batch_size, float(params.retain_share > 0)):
            teacher_logits = torch.where(to_forget[:, None], steps.logits(x, incompetent), steps.logits(x, competent))
            with learning(model, params.batch_norm, len(x)):
                student_logits = steps.logits(x)
            loss = distillation_loss(student_logits, teacher_logits, params.temperature)
            if params.reduction == "released":
                loss = loss / (student_logits.shape[1] * params.temperature**2)
            steps.take(loss)
        yield steps.means()
