"""The question of a step: the answer that is locked in, and what is said once it is."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.lessons.lesson_record import LessonQuestion
from cu_core.catalogue.lessons.lesson_words import Fact, Facts, said
from pages._learn.lesson_audience import bin_of, count
from pages._learn.lesson_place import Place, commit, in_audience, reveal
from pages._shared.plain_text import plain

WHOSE = {
    "before": " (the network before unlearning)",
    "after": " (the unlearned network)",
    "reference": " (retrained networks, on average)",
}
"""Of whom the number is that answers a question, by the end of its name."""


def ask(place: Place, question: LessonQuestion, run: str, shown: str) -> None:
    """Draws the question, and the answer where one was given.

    Args:
        place: the step.
        question: of it.
        run: of the lesson, that the question is asked of.
        shown: run that is shown now, which may be another once the answer is known.
    """
    with st.container(border=True, key="lesson_question"):
        st.markdown(f"**:material/help: {question.ask}**")
        if place.answer is not None:
            of = f" (asked of “{plain(place.lesson.runs[run].title)}”)" if run != shown else ""
            st.markdown(f":material/lock: Your answer{of}: **{answer_text(question, place.answer)}**")
            return
        if place.revealed:
            return
        key = f"guess_{place.lesson.id}_{place.step.id}"
        if question.kind == "number":
            st.slider(
                "Your answer",
                question.low,
                question.high,
                question.start,
                step=1.0 if question.high - question.low >= 20 else (question.high - question.low) / 100,
                format=f"%.0f {question.unit}".strip().replace("%.0f %", "%.0f %%") if question.percent else None,
                key=key,
                persist_state="session",
            )
        else:
            st.radio(
                "Your answer",
                range(len(question.options)),
                index=None,
                format_func=lambda option: question.options[option].text,
                key=key,
                persist_state="session",
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Lock in my answer",
                key="lock_in",
                type="primary",
                icon=":material/lock:",
                disabled=st.session_state.get(key) is None,
                on_click=_lock_in,
                args=(place, question, key, run),
            )
            if place.presenting:
                st.button("Show the answer", key="reveal", icon=":material/visibility:", on_click=reveal)


def _lock_in(place: Place, question: LessonQuestion, key: str, run: str) -> None:
    """Callback: the answer counts, and stays as it is."""
    given = st.session_state.get(key)
    if given is None:
        return
    answer = float(given) / (question.scale if question.kind == "number" else 1.0)
    commit(place, answer, run)
    if in_audience() and not place.presenting:
        count(place, bin_of(question, answer))


def answer_text(question: LessonQuestion, answer: float) -> str:
    """An answer as people read it."""
    if question.kind == "choice":
        return question.options[int(answer)].text
    return f"{answer * question.scale:g} {question.unit}".strip()


def right_option(question: LessonQuestion, facts: Facts) -> int | None:
    """Place of the option that is right of this run; None where none is."""
    return next((place for place, option in enumerate(question.options) if option.right.holds(facts)), None)


def truth_of(question: LessonQuestion, facts: Facts) -> float | None:
    """The number that was asked for; None of choices, and where the run has not measured it."""
    fact = facts.get(question.truth)
    return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else None


def explain(question: LessonQuestion, facts: Facts, answer: float | None) -> None:
    """Whether an answer was right, and why others are not; without one, all explanations.

    Args:
        question: of the step.
        facts: of the run that is shown.
        answer: that was given of this run.
    """
    if question.kind == "choice":
        right = right_option(question, facts)
        if right is None:
            st.caption("What is right here depends on a number that this run has not measured.")
            return
        if answer is not None:
            _verdict(int(answer) == right, f"Right is: {question.options[right].text}")
        own = None if answer is None else int(answer)
        for option in [*([] if own is None else [own]), *(k for k in range(len(question.options)) if k != own)]:
            if words := said(question.options[option].why, facts):
                mark = ":material/check:" if option == right else ":material/close:"
                st.markdown(f"{mark} **{question.options[option].text}** {' '.join(words)}")
        return
    truth = truth_of(question, facts)
    if truth is None:
        st.caption("This run has not measured what was asked for.")
        return
    whose = WHOSE.get(question.truth.rpartition(".")[2], "")
    known = dict(facts) | {"truth": Fact(truth, facts[question.truth].text)}
    if answer is not None:
        near = abs(answer - truth) * question.scale <= question.near
        _verdict(near, f"Measured: {facts[question.truth].text}{whose}")
        known["guess"] = Fact(answer, answer_text(question, answer))
    else:
        st.markdown(f":material/straighten: Measured: **{facts[question.truth].text}**{whose}")
    for text in said(question.explain, known):
        st.markdown(text)


def _verdict(right: bool, words: str) -> None:
    mark = ":green[:material/check_circle: Yes.]" if right else ":orange[:material/lightbulb: Not quite.]"
    st.markdown(f"{mark} **{words}**")
