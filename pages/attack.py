"""What membership attacks can still tell about the forgotten samples: before, after and on the reference."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.verdict_reading import verdict_of
from cu_core.metrics.membership import few_words
from cu_core.runstore.reader import RunView
from cu_core.runstore.verify import how_to_mend
from pages._attack.attack_numbers import (
    answer_section,
    beside_the_verdict,
    numbers_section,
    overview_section,
    pick_attack,
)
from pages._attack.attack_scores import panes_of, roc_section, threshold_section
from pages._attack.attack_selection import audited, selection_sections
from pages._attack.attack_verdicts import verdict_section
from pages._frame.one_run import show_run
from pages._frame.page_records import Page
from pages._selection.selection_state import selection_bar
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home

PAGE = Page(
    id="attack",
    title="Attack",
    icon=":material/policy:",
    help="Whether membership attacks can tell that the forgotten samples were trained on, before and after.",
    purpose="whether membership attacks can tell the forgotten samples, before, after and on the reference",
    section="One run",
    order=7,
    needs="rounds",
)


def why_no_audit(view: RunView) -> tuple[str, str]:
    """Why there are no attacks to show, and what to do."""
    if view.spec.audit.attacks == "none":
        return "This run was asked to leave the attacks out.", "Clone it and set membership attacks to auto."
    if view.state != "succeeded":
        return (
            f"Attacks are made once a run has ended well; this one is {view.state}.",
            "Resume it, or clone it, to get them.",
        )
    result = view.result()
    if result is None or result.get("attacks"):
        return "They cannot be shown: files of this run are damaged or missing.", how_to_mend(view.run_id)
    notes = [note for note in result.get("notes") or [] if isinstance(note, str) and "attack" in note.lower()]
    if notes:
        return plain(" ".join(notes)), "Clone it with a larger forget set or more unseen samples."
    if "attacks" not in result:
        return "This run was made before attacks were part of a run.", "Clone it to get them."
    return "Its result tells of none.", "Clone it to get them."


def sections(view: RunView) -> None:
    """The page's parts from top to bottom."""
    audit = view.audit()
    if audit is None or not audit.get("attacks"):
        if view.state in ACTIVE and view.spec.audit.attacks != "none":
            st.info(
                "Membership attacks are made at the end of a run; this page fills by itself.",
                title="Not there yet",
                icon=":material/hourglass_empty:",
            )
            return
        reason, what = why_no_audit(view)
        st.info(f"{reason} {what}", title="No membership attacks in this run", icon=":material/info:")
        st.page_link(
            "launch.py", label="Clone this run", icon=":material/content_copy:", query_params={"clone": view.run_id}
        )
        return
    attacks = audit["attacks"]
    focus = selection_bar(view)
    if focus.only:
        selection_sections(view, attacks, focus)
        return
    members, others = audit["members"], audit["non_members"]
    answer_section(attacks, members, others)
    beside_the_verdict(verdict_of(view.result()))
    if few := few_words({"forget": members, "unseen": others}):
        st.warning(few, icon=":material/warning:")
    if audit.get("reference_seed") is None:
        st.caption("These attacks were made on no reference, so chance is what to aim at.")
    every, single = st.tabs(["All attacks", "One attack"], key="attack_part", bind="query-params")
    with every:
        overview_section(attacks, others)
    with single:
        attack, way = pick_attack(attacks)
        with st.expander("Its numbers on every model, in every way of fitting", icon=":material/table:"):
            numbers_section(attacks, attack, others)
        panes = panes_of(view, attacks, attack, way)
        if not panes:
            return
        threshold = threshold_section(panes, attack, f"{view.run_id}_{attack}_{way}", audited(view, focus))
        with st.expander("ROC curves", icon=":material/show_chart:"):
            roc_section(view, attacks, attack)
        with st.expander("Which images the attack gets right and wrong", icon=":material/photo_library:"):
            verdict_section(str(home().root), view, [p for p in panes if p.model != "reference"], threshold)


show_run(PAGE, sections)
