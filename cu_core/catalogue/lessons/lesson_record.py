"""A lesson: the runs that it looks at, and steps of a question, a reveal and what may honestly be said."""

from __future__ import annotations

from dataclasses import dataclass, field

from cu_core.catalogue.lessons.lesson_words import Condition, Paragraph
from cu_core.catalogue.spec import RunSpec

PARTS = ("before-after", "curves", "boundary", "references", "attack", "ways", "verdict", "claim", "cost", "images")
"""Parts of pages that a step may show."""

CONTROLS = ("none", "run", "sandbox")
"""What a step lets people move; everything else is not drawn."""

KINDS_OF_QUESTION = ("number", "choice")
WHEN = ("question", "reveal")
"""From which moment of its step on a part is shown."""


@dataclass(frozen=True)
class LiveRun:
    """One way to make a run of a lesson on this machine.

    Attributes:
        spec: the run.
        preset: that it was made from.
    """

    spec: RunSpec
    preset: str


@dataclass(frozen=True)
class LessonRun:
    """A run that a lesson looks at.

    Attributes:
        id: by which steps name it.
        title: for people.
        find: settings, such as ``forget.select``, and the values of which a finished run must have one to stand for it,
            the most wanted first.
        live: ways to make it, the best first; the first whose images lie prepared on the machine is taken.
    """

    id: str
    title: str
    find: dict[str, tuple[object, ...]]
    live: tuple[LiveRun, ...] = ()


@dataclass(frozen=True)
class ShownPart:
    """A part of a page in a step.

    Attributes:
        part: one of `PARTS`.
        run: id of a run of the lesson; empty for that of the step.
        metrics: of ``before-after``, ``curves`` and ``references``.
        claim: question of the verdict, of ``claim``.
        round: that is shown; -1 for the last.
        shown: one of `WHEN`.
    """

    part: str
    run: str = ""
    metrics: tuple[str, ...] = ()
    claim: str = ""
    round: int = -1
    shown: str = "reveal"


@dataclass(frozen=True)
class Option:
    """One answer that can be chosen.

    Attributes:
        text: the answer.
        right: whether it is right, which may depend on the run.
        why: explanation, shown to who chose it.
    """

    text: str
    right: Condition
    why: tuple[Paragraph, ...]


@dataclass(frozen=True)
class LessonQuestion:
    """The question of a step.

    Attributes:
        kind: one of `KINDS_OF_QUESTION`.
        ask: the question.
        percent: of a number: whether it is a share, asked for in percent.
        low: of a number: the smallest answer, in percent where `percent`.
        high: the largest.
        start: where the slider stands first.
        unit: behind the number, where it is none in percent.
        truth: fact of the step's run that answers it.
        near: how far off still counts as right, in the unit of the slider.
        explain: of a number: explanations of answers, each with its condition.
        options: of a choice.
    """

    kind: str
    ask: str
    percent: bool = True
    low: float = 0.0
    high: float = 100.0
    start: float = 50.0
    unit: str = ""
    truth: str = ""
    near: float = 5.0
    explain: tuple[Paragraph, ...] = ()
    options: tuple[Option, ...] = ()

    @property
    def scale(self) -> float:
        """What a number of the slider is divided by to be compared with the truth."""
        return 100.0 if self.percent else 1.0


@dataclass(frozen=True)
class Step:
    """One step of a lesson.

    Attributes:
        id: in the address.
        title: above it.
        minutes: that it takes.
        run: id of the run that its sentences speak of; empty where it needs none.
        text: before the question.
        parts: of pages.
        control: one of `CONTROLS`.
        question: None for a step that only shows.
        reveal: what is said once the answer is known.
        honest: what may honestly be said.
        terms: ids of entries of the glossary that its sentences rest on.
        answers_misconception: ids of `cu_core.catalogue.glossary.misconceptions.MISCONCEPTIONS`.
    """

    id: str
    title: str
    minutes: float
    run: str = ""
    text: tuple[Paragraph, ...] = ()
    parts: tuple[ShownPart, ...] = ()
    control: str = "none"
    question: LessonQuestion | None = None
    reveal: tuple[Paragraph, ...] = ()
    honest: tuple[Paragraph, ...] = ()
    terms: tuple[str, ...] = ()
    answers_misconception: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        id: name of its file, and in the address.
        title: for people.
        summary: one sentence.
        runs: by id.
        steps: in order.
    """

    id: str
    title: str
    summary: str
    runs: dict[str, LessonRun] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def minutes(self) -> float:
        """That the whole takes."""
        return sum(step.minutes for step in self.steps)

    def place_of(self, step_id: str) -> int:
        """Place of a step by its id, or by its number from 1; 0 where there is no such step."""
        for place, step in enumerate(self.steps):
            if step_id in (step.id, str(place + 1)):
                return place
        return 0
