"""A rule in place of unlearning: the forgotten classes' rows of the last layer are made unable to win.

It is defined for classes alone. To refuse single samples in the same way, the deployed program would have to carry
the list of the forgotten images, or of something computed from them, and look each new image up in it: it would
keep the very data that it was asked to forget.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch

from cu_core.learning.classifier import Classifier
from cu_core.methods.context import Context
from cu_core.methods.records.output_filter import OutputFilterParams


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
    head = cast(Classifier, context.model).head
    rows = list(context.forgotten)
    with torch.no_grad():
        head.weight[rows] = 0.0
        head.bias[rows] = params.logit
    yield {"filtered_classes": float(len(rows))}
