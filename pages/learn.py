"""A lesson, step by step: a question, an answer that is locked in, what was measured, and what may be said of it."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.lessons.lesson_reader import lesson_files, lesson_of
from pages._frame.page_records import Page
from pages._learn.lesson_place import go_to, last_lesson, place_in, present
from pages._learn.lesson_runs import deliver_recorded
from pages._learn.lesson_step import show_step
from pages._learn.presenter_bar import presenter_bar
from pages._shared.plain_text import plain
from pages._shared.server_home import home

PAGE = Page(
    id="learn",
    title="Learn",
    icon=":material/school:",
    help="What unlearning does, in steps of one or two minutes: guess first, then look.",
    purpose="a lesson of fifteen minutes: guess, lock the answer in, see what was measured; with a view for "
    "presenting, answers of an audience, and lessons of your own",
    section="Begin",
    order=2,
)

deliver_recorded()
lessons, broken = {}, []
for name in lesson_files(home()):
    try:
        lessons[name] = lesson_of(home(), name)
    except BadInput as error:
        broken.append(error)
asked = st.query_params.get("lesson") or last_lesson()
presenting = st.query_params.get("present") == "1"
if not presenting:
    st.title(PAGE.title, anchor=False)
for reason in broken:
    st.warning(plain(reason), title="A lesson is left out", icon=":material/warning:")
if asked not in lessons:
    allowed = ", ".join(lessons)
    st.error(plain(f"There is no lesson {asked[:60]!r}. There are: {allowed}."), icon=":material/error:")
    st.stop()
lesson = lessons[asked]
place = place_in(lesson)
if presenting:
    presenter_bar(place)
else:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(lessons) > 1:
            names = list(lessons)
            chosen = st.selectbox(
                "Lesson", names, index=names.index(asked), format_func=lambda name: lessons[name].title, width=420
            )
            if chosen != asked:
                go_to(lessons[chosen], 0)
                st.rerun()
        titles = [f"{number}. {step.title}" for number, step in enumerate(lesson.steps, 1)]
        step = st.selectbox(
            "Step",
            range(len(titles)),
            index=place.number,
            format_func=titles.__getitem__,
            key=f"jump_{lesson.id}_{place.number}",
            width=420,
        )
        if step != place.number:
            go_to(lesson, step)
            st.rerun()
        st.button(
            "Present",
            key="present",
            icon=":material/co_present:",
            help="Large type, no sidebar, arrow keys for next and back, a clock, and a code for the audience.",
            on_click=present,
            args=(lesson, place.number, True),
        )
    st.caption(f"{plain(lesson.title)} · about {lesson.minutes:g} minutes. {plain(lesson.summary)}")
show_step(place)
