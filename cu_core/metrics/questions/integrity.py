"""Question: are these the weights that answered? Stored weights, loaded afresh, against the recorded answers."""

from __future__ import annotations

from cu_core.catalogue.question_record import Question
from cu_core.metrics.questions.verdict_evidence import Inquiry, Settled, VerdictEvidence

LIMIT = 0.01
"""In standard deviations of the answers: what half precision and another order of sums may do."""

INTEGRITY = Question(
    id="integrity",
    title="Integrity",
    question="Are these the weights that answered?",
    means="Differs: the stored weights, loaded into a fresh network, answer otherwise than the model did while it was "
    "measured, as with a filter behind it or a list of samples to look up.",
    means_not="Weights that answer as recorded may still hold everything; a filter that is part of them is not seen "
    "here.",
    look="run",
    ask=lambda evidence: integrity(evidence),
    about_forgetting=False,
    if_differs="The stored weights answer otherwise than the model did while it was measured.",
    if_none="The stored weights give the answers that were recorded.",
)


def integrity(evidence: VerdictEvidence) -> Inquiry:
    """Asks whether the stored weights give the recorded answers.

    Args:
        evidence: of all models.
    """
    if evidence.stored_gap is None:
        return Inquiry(missing="no weights are stored to load afresh")
    return Inquiry(
        settled=Settled(
            differs=not evidence.stored_gap <= LIMIT,
            direction="the stored weights answer otherwise than what was measured",
            alike="the stored weights give the recorded answers",
            measure="the largest gap",
            value=evidence.stored_gap,
            limit=LIMIT,
            unit="standard deviations of the answers",
            n=len(evidence.after.forget) + len(evidence.after.retain) + len(evidence.after.unseen),
        )
    )
