"""What a presenter has above a step: a clock, keys for next and back, the audience's address, and the way out."""

from __future__ import annotations

import streamlit as st

from pages._learn.lesson_audience import door
from pages._learn.lesson_place import Place, back, began, forward, present
from pages._shared.browser_parts import browser_parts

_CLOCK = st.components.v2.component("unlearnscope_presenter", **browser_parts("presenter"))
KEY = "presenter"


def presenter_bar(place: Place) -> None:
    """Draws it; arrow keys and a presenter's remote lead through the lesson."""
    lesson = place.lesson

    def pressed() -> None:
        (forward if st.session_state[KEY]["key"] == "next" else back)(place)

    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            _CLOCK(
                key=KEY,
                data={
                    "began": began(lesson),
                    "planned": round(lesson.minutes),
                    "place": f"step {place.number + 1} of {len(lesson.steps)}",
                    "revealed": place.revealed,
                    "due": sum(step.minutes for step in lesson.steps[: place.number + 1]),
                },
                on_key_change=pressed,
            )
        door(place)
        st.button(
            "End presenting", key="end_presenting", icon=":material/close:", type="tertiary", on_click=present,
            args=(lesson, place.number, False),
        )  # fmt: skip
