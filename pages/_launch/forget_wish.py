"""A forget set that another page asks for: a selection made there, put into the launch form."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._launch import form_fields, form_sections

KEY = "forget_instead"


@dataclass(frozen=True)
class Wish:
    """What the launch page is to be filled with.

    Attributes:
        run_id: of the run to copy.
        file: with the indices of the samples to forget.
        words: what they are.
    """

    run_id: str
    file: str
    words: str


def fill_in(run_id: str) -> str:
    """Puts the wished forget set into the launch form that was filled with a run.

    Args:
        run_id: of the run that was copied.

    Returns:
        What is to be forgotten, in words; empty without a wish about this run.
    """
    wish: Wish | None = st.session_state.pop(KEY, None)
    if wish is None or wish.run_id != run_id:
        return ""
    forget_listed(wish.file)
    return wish.words


def forget_listed(file: str) -> None:
    """Puts the samples that a file lists into the launch form as its forget set."""
    form_fields.put("forget.kind", "indices")
    form_fields.put("forget.file", file)
    if form_fields.value_of("stop.rule") == "class":
        # It looks at unseen samples of forgotten classes, and none is forgotten as a whole.
        form_fields.put("stop.rule", "auto")
    # Where the method's settings were those recommended for classes, take those for samples.
    form_sections.follow_recipe()
