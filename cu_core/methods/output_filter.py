"""Output filter: masks the forgotten classes in the last layer, without unlearning (a baseline).

It is defined for classes alone. To refuse single samples in the same way, the deployed program would have to carry
the list of the forgotten images, or of something computed from them, and look each new image up in it: it would
keep the very data that it was asked to forget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.classifier import Classifier


@dataclass(frozen=True)
class OutputFilterParams:
    """What a filtered class answers."""

    logit: float = param(
        -1e4,
        "Logit",
        "Logit of a filtered class for every image; low enough that no other class can have a lower one.",
        low=-6e4,
        high=-100.0,
        advanced=True,
    )


METHOD = Method(
    id="output_filter",
    title="Output filter",
    summary="Forbids the answer instead of forgetting: the forgotten classes can no longer be named.",
    paper="no paper: the rule that reviewers of Contrastive Unlearning asked about, here for comparison",
    params=OutputFilterParams,
    implementation=lambda: unlearn,
    tasks=("class",),
    needs_forget=False,
    retain_data="none",
    needs_labels=False,
    one_shot=True,
    needs="The last layer and the numbers of the forgotten classes; no samples at all.",
    fails="Fools accuracy and forgets nothing: all embeddings stay as they were, and a linear probe on them finds the "
    "class at once. It is here so that the pictures show it.",
    rounds={"class": 1, "sample": 1},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: OutputFilterParams) -> Iterator[dict[str, float]]:
    """Sets the weights of the forgotten classes' rows to 0 and their biases to a very low logit; reads no sample.

    Args:
        context: model and forgotten classes.
        params: the logit.

    Yields:
        Once, the number of ``filtered_classes``.
    """
    if context.first_round > 1:
        return
    context.check()
    head = cast("Classifier", context.model).head
    rows = list(context.forgotten)
    with torch.no_grad():
        head.weight[rows] = 0.0
        head.bias[rows] = params.logit
    yield {"filtered_classes": float(len(rows))}
