"""The bar at the bottom of the launch form: what will run, what it takes, and the button."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.file_lists import expanded
from cu_core.catalogue.spec import RunSpec
from cu_core.data.forget import check_forget
from pages._frame import gate
from pages._launch import form_draft, form_grid
from pages._launch.run_cost import takes
from pages._shared.plain_text import plain
from pages._shared.server_home import home


def bar(
    specs: list[RunSpec], errors: dict[str, str], launch: Callable[[str], None], sentence: str, hint: str = ""
) -> None:
    """Draws the bar.

    Args:
        specs: the runs that would be launched.
        errors: messages by field.
        launch: callback of the button, takes the form's token.
        sentence: what would be launched.
        hint: what is still to be done first, without anything being wrong.
    """
    token = st.session_state["token"]
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if errors:
            name, message = next(iter(errors.items()))
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            place = f"{form_draft.title_of(name)}: " if name else ""
            st.markdown(f":red[:material/error: {place}{plain(message)}{more}]", width="stretch")
        elif hint:
            st.markdown(f":material/upload_file: {hint}", width="stretch")
        else:
            with st.container(width="stretch"):
                takes(specs, sentence)
        count = f"Launch {len(specs)} runs" if len(specs) > 1 else "Launch"
        st.button(
            count,
            key=f"launch_{token}",
            type="primary",
            icon=":material/rocket_launch:",
            disabled=bool(errors or hint),
            on_click=launch,
            args=(token,),
        )


def runs_of(values: dict[str, Any], errors: dict[str, str]) -> list[RunSpec]:
    """The runs that the form asks for; none while something is wrong.

    Args:
        values: what the form says.
        errors: messages by field; gets those that only the whole shows.
    """
    if errors:
        return []
    try:
        specs = form_grid.expand(form_draft.spec_of(values))
        for spec in specs:
            gate.desk().check(spec)
            check(spec)
        # One alone was looked at by the preview.
        for spec in _different(specs) if len(specs) > 1 else ():
            check_forget(spec, home())
        return [expanded(spec) for spec in specs]
    except BadInput as error:
        name, message = form_draft.in_words(error)
        errors[name] = message
        return []


def _different(specs: list[RunSpec]) -> list[RunSpec]:
    """One run for each forget set of each dataset."""
    return list({(spec.data, spec.forget.select, spec.forget_seed): spec for spec in specs}.values())


def follow_launched() -> None:
    """Goes on to what was just launched, if anything was."""
    if launched := st.session_state.pop("launched", None):
        st.session_state["token"] = uuid.uuid4().hex
        if len(launched) > 1:
            st.session_state["compared"] = launched[:6]
            st.toast(f"{len(launched)} runs were queued.", icon=":material/rocket_launch:")
            st.switch_page("runs.py")
        st.switch_page("run.py", query_params={"run": launched[0]})
