"""The record of a question of the verdict, its registry, and the states in which a question can end."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.registry import Registry, Target

DIFFERS = "differs"
CANNOT_TELL = "cannot-tell"
NO_DIFFERENCE = "no-difference-found"
STATES = {DIFFERS: "Differs", CANNOT_TELL: "Cannot tell", NO_DIFFERENCE: "No difference found"}
"""From the worst to the best, with the words shown to people."""

LEAST_REFERENCES = 5
"""Fewer retrained models say too little of what one more of them would look like."""


@dataclass(frozen=True)
class Question:
    """One question that the verdict asks of an unlearned model.

    Attributes:
        id: key in run files.
        title: name shown to people, one or two words.
        question: the question, as one asks it.
        means: what an answer means, one sentence.
        means_not: what it does not mean, one sentence.
        look: page of the dashboard that shows more: ``"drift"``, ``"attack"``, ``"confidence"``, ``"signals"`` or
            ``"run"``.
        ask: function, or ``"module:function"``, from `cu_core.metrics.questions.verdict_evidence.VerdictEvidence` to a
            `cu_core.metrics.questions.verdict_evidence.Inquiry`.
        about_forgetting: whether it is about the forget set, so that the model before unlearning is its positive
            control.
        if_differs: what was found where it differs, a sentence that needs no question before it.
        if_none: what was found where no difference was, as carefully.
    """

    id: str
    title: str
    question: str
    means: str
    means_not: str
    look: str
    ask: Target
    about_forgetting: bool = True
    if_differs: str = ""
    if_none: str = ""


QUESTIONS: Registry[Question] = Registry("question", Question)
