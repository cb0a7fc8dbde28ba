"""Question: is it still the model before unlearning?

Weights, answers and the arrangement of samples layer by layer are compared with the base model's.
"""

from __future__ import annotations

import math

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.cka import linear_cka
from cu_core.metrics.questions.verdict_evidence import Inquiry, ModelSeen, Settled, VerdictEvidence

SHARE = 0.02
"""Of the change that the least changed retrained model shows: less is called none."""
ROUNDING = 1e-6
"""Rounding makes so much of no change at all."""
GROUPS = ("forget", "retain", "unseen")

UNCHANGED = Question(
    id="unchanged",
    title="Unchanged",
    question="Is it still the model before unlearning?",
    means="Differs: on no group of samples did any layer or answer move by a fiftieth of what retraining moves it; "
    "reordered neurons, rotated features, scaled outputs and a dust of noise are seen through.",
    means_not="That something moved does not mean that the right thing did; that retained samples stay where they were "
    "is what honest methods do, and counts against nobody.",
    look="drift",
    ask=lambda evidence: unchanged(evidence),
    about_forgetting=False,
    if_differs="It is still the model before unlearning.",
    if_none="It is no longer the model before unlearning: something has moved.",
)


def unchanged(evidence: VerdictEvidence) -> Inquiry:
    """Asks whether the unlearned model is the base model in disguise.

    Args:
        evidence: of all models.
    """
    moved = moves(evidence.after, evidence.base)
    references = [max(moves(r, evidence.base).values()) for r in evidence.references]
    if references and min(references) < ROUNDING and not evidence.same_weights:
        return Inquiry(missing="a retrained model, too, answers as the model before unlearning")
    limit = SHARE * min(references) if references else SHARE
    value = max(moved.values())
    n = len(evidence.after.forget) + len(evidence.after.retain) + len(evidence.after.unseen)
    notes = []
    if evidence.same_weights:
        notes.append("Every weight is bit for bit what it was before unlearning.")
    notes += _layers(evidence, limit)
    return Inquiry(
        settled=Settled(
            differs=value <= limit or evidence.same_weights,
            direction="nothing changed",
            alike="it changed",
            measure="the largest change in any layer or answer",
            value=value,
            limit=limit,
            unit="(0: none)",
            n=n,
            notes=tuple(notes),
        )
    )


def moves(model: ModelSeen, base: ModelSeen) -> dict[str, float]:
    """How far a model is from the base model, by group of samples.

    Args:
        model: any.
        base: the model before unlearning.

    Returns:
        0..1, the largest of √(1 - CKA) over the layers, which is about the relative size of a change and sees no
        rotation, order of neurons or scale, and of the share of samples whose predicted class is another.
    """
    found = {}
    for group in GROUPS:
        layers = [change for change in layer_moves(model, base, group) if change is not None]
        new, old = getattr(model, group), getattr(base, group)
        answers = float((new.predicted != old.predicted).mean()) if len(new) else 0.0
        found[group] = max([*layers, answers], default=0.0)
    return found


def layer_moves(model: ModelSeen, base: ModelSeen, group: str) -> list[float | None]:
    """√(1 - CKA) to the base model by layer; None where a layer does not vary."""
    pairs = zip(model.layers.get(group, ()), base.layers.get(group, ()), strict=True)
    found = [linear_cka(new, old) if np.isfinite(new).all() else 0.0 for new, old in pairs]
    # Rounding makes a little of nothing under the root.
    return [None if cka is None else math.sqrt(max(1.0 - cka, 0.0)) for cka in found]


def _layers(evidence: VerdictEvidence, limit: float) -> list[str]:
    """Which layers moved at all on forget samples, in words."""
    found = layer_moves(evidence.after, evidence.base, "forget")
    names = [n for n, change in zip(evidence.layer_names, found, strict=False) if change is not None and change > limit]
    if not found or not evidence.layer_names:
        return []
    if not names:
        return ["No layer moved on forget samples."]
    if len(names) == len([c for c in found if c is not None]):
        return ["Every layer moved on forget samples."]
    return [f"Layers that moved on forget samples: {', '.join(names)}; the others stayed."]
