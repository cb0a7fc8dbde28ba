"""Question: does it come back? Short training on retained samples alone, of all models alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.questions.remembers import FEWEST, judged_members, stranger_weights, strangers_of
from cu_core.metrics.questions.verdict_evidence import Inquiry, ModelSeen, Statistic, TrainedOn, VerdictEvidence

COMES_BACK = Question(
    id="comes-back",
    title="Comes back",
    question="Does it come back?",
    means="Differs: after a few steps of training on retained samples alone, which teach retrained models nothing of "
    "the forgotten ones, this model knows these better than they do, or so badly that they stand out.",
    means_not="What does not come back in a few steps may come back in many, or with a forgotten sample among them.",
    look="run",
    ask=lambda evidence: comes_back(evidence),
    if_differs="After a short training on what stayed, forgotten samples stand out from those in retrained models.",
    if_none="After a short training on what stayed, forgotten samples were not told from those in retrained models.",
)


def comes_back(evidence: VerdictEvidence) -> Inquiry:
    """Asks for margins on forget samples after a short training on retained ones (after arXiv 2505.22310).

    Args:
        evidence: of all models.
    """
    if evidence.untrained:
        return Inquiry(why_not=evidence.untrained)
    if not evidence.after.trained_on:
        return Inquiry(missing="it trains models on, which is done where there are references enough for a verdict")
    if len(evidence.after.forget) < FEWEST or strangers_of(evidence).sum() < FEWEST:
        return Inquiry(missing=f"it needs {FEWEST} forget samples and as many unseen ones")
    weights, members = stranger_weights(evidence), judged_members(evidence)

    def gap(stage: TrainedOn, others: Sequence[TrainedOn]) -> float:
        own = stage.forget_score - np.mean([o.forget_score for o in others], axis=0)
        strange = stage.unseen_score - np.mean([o.unseen_score for o in others], axis=0)
        return float(own[members].mean() - np.average(strange, weights=weights))

    def level(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        return gap(model.trained_on[-1], [r.trained_on[-1] for r in references])

    def gain(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        return level(model, references) - gap(model.trained_on[0], [r.trained_on[0] for r in references])

    unit = "of cosine" if evidence.kind == "self-supervised" else "of log-odds"
    strangers = "other classes" if evidence.task == "class" else "unseen samples"
    steps = evidence.after.trained_on[-1].steps
    n = int(members.sum())
    return Inquiry(
        (
            Statistic(
                "level",
                f"Margin of forget minus {strangers} after {steps} steps on retained ones",
                unit,
                level,
                n,
                low="forgotten samples are known too badly after training on retained ones",
                high="forgotten samples are known after training on retained ones",
            ),
            Statistic(
                "gain",
                f"What {steps} steps on retained samples add to that margin",
                unit,
                gain,
                n,
                high="forgotten samples come back with training on retained ones",
                # Coming back from having been too bad is none.
                control=level,
            ),
        ),
        notes=_curve(evidence),
    )


def _curve(evidence: VerdictEvidence) -> tuple[str, ...]:
    """Accuracy on the forget samples over the steps, in words; nothing of encoders."""
    if evidence.kind == "self-supervised" or not evidence.references:
        return ()

    def words(model: ModelSeen) -> str:
        return " → ".join(f"{stage.forget_right.mean():.0%}" for stage in model.trained_on)

    steps = ", ".join(str(stage.steps) for stage in evidence.after.trained_on)
    retrained = [
        np.mean([r.trained_on[i].forget_right.mean() for r in evidence.references])
        for i in range(len(evidence.after.trained_on))
    ]
    return (
        f"Accuracy on forget samples after {steps} steps: {words(evidence.after)}; before unlearning "
        f"{words(evidence.base)}; retrained models {' → '.join(f'{v:.0%}' for v in retrained)} on average.",
    )
