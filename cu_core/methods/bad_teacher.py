"""Bad Teacher (Chundawat et al., AAAI 2023): a competent and an incompetent teacher for one student."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.records.bad_teacher import BadTeacherParams
from cu_core.methods.steps import Steps, learning
from cu_core.methods.teacher import distillation_loss, frozen_copy

# The incompetent teacher's weights are not those that the base model started from, whatever seed that had.
_OTHER_SEED = 2000


def unlearn(context: Context, params: BadTeacherParams) -> Iterator[dict[str, float]]:
    """Steps of Adam towards the base model's answers on retain, and an untrained one's on forget samples.

    The loss of a sample x is KL(T(x) ‖ S(x)) with T the incompetent teacher for forget samples and the competent
    one for retain samples, both in evaluation mode (Eq. 4).

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    model, autocast = context.model, context.precision.autocast
    steps = Steps(context, torch.optim.Adam(model.parameters(), lr=params.lr))
    competent = frozen_copy(context)
    incompetent = context.fresh(context.seed + _OTHER_SEED).requires_grad_(False).eval()
    for _ in context.rounds():
        for x, _, _, to_forget in mixed_epoch(context, params.batch_size, params.retain_share):
            with torch.no_grad(), autocast():
                wanted = torch.where(to_forget[:, None], incompetent(x), competent(x))
            with learning(model, params.batch_norm, len(x)), autocast():
                told = model(x)
            steps.take(distillation_loss(told, wanted, params.temperature))
        yield steps.means()
