"""One step of a lesson from top to bottom: text, question, reveal, what may honestly be said."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cu_core.catalogue.lessons.lesson_record import Lesson, ShownPart, Step
from cu_core.catalogue.lessons.lesson_words import Facts, said
from pages._frame.page_links import link_to
from pages._learn.lesson_audience import bars, bin_of, waiting
from pages._learn.lesson_parts import Drawn, draw_part
from pages._learn.lesson_place import Place, back, forward, go_to
from pages._learn.lesson_question import ask, explain, right_option, truth_of
from pages._learn.lesson_runs import ChosenRun, chosen_runs, facts_for, facts_of_run, failure_of, source_line
from pages._learn.lesson_sandbox import sandbox, watch
from pages._shared.plain_text import plain
from pages._terms.term_link import terms_row

AUDITED = ("attack", "verdict", "claim")
"""Parts that quick live runs have nothing for."""


def show_step(place: Place) -> None:
    """Draws the step."""
    lesson, step = place.lesson, place.step
    st.header(step.title, anchor=False)
    question = step.question
    open_now = question is None or place.answer is not None or place.revealed
    audited = any(part.part in AUDITED for part in step.parts)
    runs = chosen_runs(lesson, audited)
    name = asked_of = _asked_of(place, runs)
    if step.control == "run" and open_now:
        name = _pick_run(lesson, step, asked_of)
    chosen = runs[name] if name else None
    facts = facts_for(runs, name)
    if chosen is not None:
        source_line(lesson, chosen, audited)
    for text in said(step.text, facts):
        st.markdown(text)
    if chosen is not None and chosen.view is not None:
        if chosen.active:
            watch(chosen.view.run_id, "step", curves=open_now)
        elif chosen.view.result() is None:
            failure_of(chosen.view)
    if step.terms:
        terms_row(*step.terms)
    answer = place.answer if name == asked_of else None
    _parts(place, "question", name, runs, answer)
    if question is not None:
        ask(place, question, asked_of, name)
    if question is not None and place.presenting and not open_now:
        waiting(place)
    if open_now and (chosen is None or facts_of_run(chosen)):
        if question is not None:
            explain(question, facts, answer)
            if place.presenting and name == asked_of:
                truth = truth_of(question, facts)
                number = None if truth is None else bin_of(question, truth)
                bars(place, question, right_option(question, facts) if question.kind == "choice" else number)
        _parts(place, "reveal", name, runs, answer)
        if step.control != "sandbox":
            _said(step, facts)
        if honest := said(step.honest, facts):
            st.info("\n\n".join(honest), title="What may we honestly say?", icon=":material/balance:")
    if step.control == "sandbox":
        sandbox(place)
        _said(step, facts)
        with st.container(horizontal=True):
            link_to("start")
            link_to("launch")
    _ways(place, open_now)


def _said(step: Step, facts: Facts) -> None:
    for text in said(step.reveal, facts):
        st.markdown(text)


def _named(step: Step) -> list[str]:
    return list(dict.fromkeys([step.run, *(part.run for part in step.parts if part.run)]))


def _asked_of(place: Place, runs: Mapping[str, ChosenRun]) -> str:
    """The run that the question is asked of: the one that was answered, else the step's, else one that is here."""
    step = place.step
    if step.control != "run":
        return step.run
    here = [name for name in _named(step) if runs[name].view is not None]
    if place.asked_of in _named(step):
        return place.asked_of
    if step.run in here or not here:
        return step.run
    first, instead = (plain(place.lesson.runs[name].title) for name in (step.run, here[0]))
    st.caption(f"There is no recorded run of “{first}” here, so the question is asked of “{instead}”.")
    return here[0]


def _pick_run(lesson: Lesson, step: Step, asked_of: str) -> str:
    """The one control of such a step, once the question is answered: which run is shown."""
    return str(
        st.segmented_control(
            "Shown",
            _named(step),
            default=asked_of,
            required=True,
            format_func=lambda run: lesson.runs[run].title,
            key=f"shown_run_{step.id}",
        )
    )


def _parts(place: Place, when: str, name: str, runs: Mapping[str, ChosenRun], answer: float | None) -> None:
    picked = place.step.control == "run"
    for number, part in enumerate(place.step.parts):
        run = part.run or name
        if part.shown != when or (picked and run != name):
            continue
        chosen = runs[run]
        if chosen.view is not None and not chosen.active and chosen.view.result() is not None:
            _part(place, number, part, chosen, facts_for(runs, run), answer)


def _part(place: Place, number: int, part: ShownPart, chosen: ChosenRun, facts: Facts, answer: float | None) -> None:
    if chosen.view is None:
        return
    question = place.step.question
    asked = question is not None and question.kind == "number"
    truth = question.truth if question is not None and asked else ""
    key = f"part_{place.step.id}_{number}"
    draw_part(Drawn(part, chosen.view, facts, answer if asked else None, truth, place.text_size, key))


def _ways(place: Place, open_now: bool) -> None:
    """Back, next, and where one is."""
    last = place.number == len(place.lesson.steps) - 1
    with st.container(horizontal=True, vertical_alignment="center", key="lesson_ways"):
        st.button(
            "Back", key="step_back", icon=":material/arrow_back:", disabled=place.number == 0, on_click=back,
            args=(place,),
        )  # fmt: skip
        if not last:
            st.button(
                "Next", key="step_next", icon=":material/arrow_forward:", type="primary" if open_now else "secondary",
                on_click=go_to if not place.presenting else forward,
                args=(place.lesson, place.number + 1) if not place.presenting else (place,),
            )  # fmt: skip
        minutes = place.step.minutes
        takes = f"about {minutes:g} {'minute' if minutes == 1 else 'minutes'}" if minutes else "as long as you like"
        st.caption(f"Step {place.number + 1} of {len(place.lesson.steps)} · {takes}")
