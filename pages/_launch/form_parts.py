"""The parts of the launch form: headings that open, each with what is chosen below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from pages._shared.plain_text import plain

OWNERS = {"data": "images", "model": "model", "forget": "forget", "method": "method", "train": "training"}
OWNERS |= {"stop": "stop", "probe": "stop", "audit": "stop", "grid": "grid"}
OPEN_AT_FIRST = ("forget",)


def key_of_part(part: str) -> str:
    """Key of a part's heading; whether it is open."""
    return f"part_{part}"


def owner(field: str) -> str:
    """The part that draws a field, by the field's name."""
    return OWNERS.get(field.split(".")[0], "run")


@contextmanager
def part(name: str, title: str, said: str, errors: Mapping[str, str]) -> Iterator[None]:
    """A part of the form, folded away until somebody opens it or something in it turns out wrong.

    Args:
        name: of the part; `owner` says which fields are in it.
        title: of its heading.
        said: what is chosen in it, in a few words.
        errors: messages by field.
    """
    key = key_of_part(name)
    wrong = any(owner(field) == name for field in errors if field)
    turned_wrong = wrong and not st.session_state.get(f"{key}:wrong")
    st.session_state[f"{key}:wrong"] = wrong
    # To Streamlit a heading with other words is another one, which would be shut: what it was is told anew each time.
    st.session_state[key] = turned_wrong or bool(st.session_state.get(key, name in OPEN_AT_FIRST))
    with st.expander(
        f"**{title}** · {plain(said)}" if said else f"**{title}**",
        key=key,
        icon=":material/error:" if wrong else None,
        on_change="rerun",
    ):
        yield
