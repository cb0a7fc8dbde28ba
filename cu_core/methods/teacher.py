"""Distillation from a teacher: a frozen copy of the base model, and the KL divergence between two sets of logits."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.network import Network


def frozen_copy(context: Context, name: str = "teacher") -> Network:
    """The base model as it was before unlearning, in evaluation mode and without gradients.

    Call it before the first step. It goes into the checkpoint, because after a resume `Context.model` is that of
    the last round.

    Args:
        context: whose model is copied.
        name: unique within the method.
    """
    teacher = context.keep(name, copy.deepcopy(context.model))
    return teacher.requires_grad_(False).eval()


def distillation_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Distillation loss of a student's logits against a teacher's: T² · KL(teacher ‖ student) at temperature T.

    Source: Hinton et al. 2015 (arXiv 1503.02531); the distance of SCRUB (Kurmanji et al., NeurIPS 2023) and of
    Bad Teacher (Chundawat et al., AAAI 2023).

    Args:
        student: (n, C) logits.
        teacher: (n, C) logits.
        temperature: T > 0.

    Returns:
        Scalar, mean over the rows, float32.
    """
    log_student = torch.nn.functional.log_softmax(student.float() / temperature, dim=1)
    log_teacher = torch.nn.functional.log_softmax(teacher.float() / temperature, dim=1)
    return torch.nn.functional.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True) * temperature**2
