"""The answers of an audience: counted without names, and shown as bars to whoever presents."""

from __future__ import annotations

import io

import segno
import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.lessons.lesson_record import LessonQuestion
from cu_core.figures.lesson_levels import answer_bars
from cu_core.sharing.lesson_answers import MOST_CHOICES, counted_answers
from pages._frame import gate
from pages._frame.notices import say
from pages._learn.lesson_place import AUDIENCE, Place, voter
from pages._shared.chart_bar import show_chart
from pages._shared.server_home import home

REFRESH_SECONDS = 2.0
BINS = 10
"""Of numbers."""

LONGEST_LABEL = 48
LOCAL = ("localhost", "127.0.0.1", "[::1]")


def bin_of(question: LessonQuestion, answer: float) -> int:
    """Place of an answer among those that are counted."""
    if question.kind == "choice":
        return int(answer)
    share = (answer * question.scale - question.low) / (question.high - question.low)
    return min(BINS - 1, max(0, int(share * BINS)))


def labels_of(question: LessonQuestion) -> list[str]:
    """What the answers are called that are counted."""
    if question.kind == "choice":
        texts = [option.text for option in question.options]
        return [text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…" for text in texts]
    width = (question.high - question.low) / BINS
    ends = [question.low + k * width for k in range(BINS + 1)]
    return [f"{low:g} to {high:g} {question.unit}".strip() for low, high in zip(ends, ends[1:], strict=False)]


def count(place: Place, answer: int) -> None:
    """Counts the visitor's answer; that it cannot be counted keeps nobody from going on."""
    try:
        gate.desk().answer(place.lesson.id, place.step.id, min(answer, MOST_CHOICES - 1), voter())
    except UnlearnscopeError as error:
        say(error)


def waiting(place: Place) -> None:
    """For a presenter, while the answer is hidden: how many have answered."""
    st.fragment(run_every=REFRESH_SECONDS)(_waiting)(place.lesson.id, place.step.id)


def _waiting(lesson: str, step: str) -> None:
    gate.check_again()
    many = sum(counted_answers(home(), lesson, step).values())
    st.markdown(f":material/groups: **{many}** {'answer' if many == 1 else 'answers'} from the audience so far")


def bars(place: Place, question: LessonQuestion, right: int | None) -> None:
    """What the audience answered, the right answer in full colour."""
    counts = counted_answers(home(), place.lesson.id, place.step.id)
    labels = labels_of(question)
    if not counts:
        st.caption("Nobody in the audience has answered this.")
        return
    numbers = [counts.get(k, 0) for k in range(len(labels))]
    figure = answer_bars(labels, numbers, right, place.text_size)
    told = ", ".join(f"{label}: {number}" for label, number in zip(labels, numbers, strict=True) if number)
    show_chart(figure, key="audience_bars", alt=f"Answers of the audience. {told}", tools=False)
    many = sum(numbers)
    st.caption(f"{many} {'answer' if many == 1 else 'answers'}, without names")


def door(place: Place) -> None:
    """On demand: the audience's address as a code for their telephones, and counting anew."""
    address = audience_address(place)
    with st.popover("Audience", icon=":material/qr_code_2:", key="audience_door"):
        st.image(
            code_of(address), width=280, caption="Scan it to answer on your own device", alt=f"QR code of {address}"
        )
        st.code(address, language=None)
        if any(f"//{name}" in address for name in LOCAL):
            st.caption(
                "This address works on this machine alone. For a room, share the dashboard under a name or number that "
                "other devices reach, and open this page by it."
            )
        gate.button(
            "Count anew", "launch", key="count_anew", icon=":material/restart_alt:", on_click=_count_anew,
            args=(place.lesson.id,),
        )  # fmt: skip
        st.caption("Answers are counted without names. Counting anew puts earlier answers aside.")


def audience_address(place: Place) -> str:
    """The address of this step for somebody who does not present."""
    page = (st.context.url or "").partition("?")[0].rstrip("/")
    return f"{page}?lesson={place.lesson.id}&step={place.step.id}&{AUDIENCE}=1"


@st.cache_data(max_entries=64, show_spinner=False)
def code_of(address: str) -> str:
    """An address as a QR code: SVG, dark on white, as cameras want it in a dark theme too."""
    file = io.BytesIO()
    segno.make(address, error="m").save(file, kind="svg", scale=8, border=3, dark="#000", light="#fff", xmldecl=False)
    return file.getvalue().decode()


def _count_anew(lesson: str) -> None:
    try:
        gate.desk().count_anew(lesson)
    except UnlearnscopeError as error:
        say(error)
