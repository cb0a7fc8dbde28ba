"""Where in a lesson somebody is: in the address, so that it can be sent round; what was answered, in the session."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import streamlit as st

from cu_core.catalogue.lessons.lesson_record import Lesson, Step

ANSWERS, ASKED_OF, BEGUN, VOTER = "learn_answers", "learn_asked_of", "learn_begun", "learn_voter"
LAST = "learn_last"
"""Id of the lesson and of the step that this session saw last."""

AUDIENCE = "audience"
"""In the address that a presenter shows: only what is answered under it counts for the room."""

FIRST = "what-unlearning-does"
"""The lesson that opens where the address names none."""


@dataclass(frozen=True)
class Place:
    """A step of a lesson, and how it is shown.

    Attributes:
        lesson: the lesson.
        number: place of the step, from 0.
        presenting: whether it is shown to a room.
        revealed: whether a presenter has asked for the answer.
    """

    lesson: Lesson
    number: int
    presenting: bool
    revealed: bool

    @property
    def step(self) -> Step:
        """The step."""
        return self.lesson.steps[self.number]

    @property
    def text_size(self) -> int:
        """Of charts, in px."""
        return 19 if self.presenting else 13

    @property
    def answer(self) -> float | None:
        """What was answered here: a number in the unit of the truth, or the place of an option; None if nothing yet."""
        answers: dict[tuple[str, str], float] = st.session_state.get(ANSWERS, {})
        return answers.get((self.lesson.id, self.step.id))

    @property
    def asked_of(self) -> str:
        """Run of the lesson that was shown when the answer was given: it says nothing of another."""
        asked: dict[tuple[str, str], str] = st.session_state.get(ASKED_OF, {})
        return asked.get((self.lesson.id, self.step.id), "")


def last_lesson() -> str:
    """Id of the lesson that this session saw last, else of the first one."""
    return str(st.session_state.get(LAST, (FIRST, ""))[0])


def place_in(lesson: Lesson) -> Place:
    """Where the address stands in a lesson; one that names no step goes on where this session was."""
    query = st.query_params
    seen, step = st.session_state.get(LAST, ("", ""))
    if "step" not in query and seen == lesson.id:
        query["step"] = step
    begun = st.session_state.setdefault(BEGUN, {})
    begun.setdefault(lesson.id, time.time())
    presenting = query.get("present") == "1"
    place = Place(lesson, lesson.place_of(query.get("step", "")), presenting, presenting and query.get("reveal") == "1")
    st.session_state[LAST] = (lesson.id, place.step.id)
    return place


def in_audience() -> bool:
    """Whether somebody came by the address that a presenter shows."""
    return bool(st.query_params.get(AUDIENCE) == "1")


def began(lesson: Lesson) -> float:
    """Unix time at which this session opened the lesson."""
    return float(st.session_state[BEGUN][lesson.id])


def go_to(lesson: Lesson, number: int) -> None:
    """Callback: goes to a step, as far as there is one."""
    number = min(max(number, 0), len(lesson.steps) - 1)
    st.query_params["lesson"] = lesson.id
    st.query_params["step"] = lesson.steps[number].id
    st.query_params.pop("reveal", None)


def reveal() -> None:
    """Callback: a presenter shows the answer."""
    st.query_params["reveal"] = "1"


def forward(place: Place) -> None:
    """Callback: what the key for "next" does: the answer first, where it is still hidden, then the next step."""
    hidden = place.presenting and place.step.question is not None and not place.revealed and place.answer is None
    if hidden:
        reveal()
    else:
        go_to(place.lesson, place.number + 1)


def back(place: Place) -> None:
    """Callback: hides the answer again, or goes to the step before."""
    if place.revealed:
        st.query_params.pop("reveal", None)
    else:
        go_to(place.lesson, place.number - 1)


def present(lesson: Lesson, number: int, on: bool) -> None:
    """Callback: begins or ends the presenter's view of a step."""
    go_to(lesson, number)
    if on:
        st.query_params["present"] = "1"
        st.query_params.pop(AUDIENCE, None)
        st.session_state.setdefault(BEGUN, {})[lesson.id] = time.time()
    else:
        st.query_params.pop("present", None)


def commit(place: Place, answer: float, run: str) -> None:
    """Keeps an answer and the run of the lesson that it is about; it cannot be changed any more."""
    where = (place.lesson.id, place.step.id)
    st.session_state.setdefault(ANSWERS, {}).setdefault(where, answer)
    st.session_state.setdefault(ASKED_OF, {}).setdefault(where, run)


def voter() -> str:
    """A text that stands for this browser session and nobody can guess; it is kept nowhere else."""
    text: str = st.session_state.setdefault(VOTER, secrets.token_hex(16))
    return text
