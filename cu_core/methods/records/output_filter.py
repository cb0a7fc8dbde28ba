"""Record of the rule-based output filter: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method


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
    implementation="cu_core.methods.output_filter:unlearn",
    tasks=("class",),
    needs_forget=False,
    needs_retain=False,
    needs_labels=False,
    one_shot=True,
    needs="The last layer and the numbers of the forgotten classes; no samples at all.",
    fails="Fools accuracy and forgets nothing: all embeddings stay as they were, and a linear probe on them finds the "
    "class at once. It is here so that the pictures show it.",
    rounds={"class": 1, "sample": 1},
)
