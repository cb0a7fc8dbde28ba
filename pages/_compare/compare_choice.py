"""Which runs the compare page compares: the address says, a table with filters changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.catalogue.own_code import short_code
from cu_core.catalogue.spec import short
from cu_core.runstore.reader import RunRow
from cu_core.runstore.rows import mentions
from pages._shared.plain_text import plain

FILTERS: dict[str, tuple[str, Callable[[RunRow], str]]] = {
    "compare_dataset": ("Images", lambda row: short(row.dataset)),
    "compare_forget": ("Forget set", lambda row: short(row.forget)),
    "compare_method": ("Method", lambda row: row.method),
    "compare_group": ("Group", lambda row: row.group),
}


def in_order(rows: Sequence[RunRow]) -> list[str]:
    """Ids of runs, first submitted first."""
    return [row.run_id for row in sorted(rows, key=lambda row: (row.submitted, row.run_id))]


def chosen_ids(rows: Sequence[RunRow]) -> list[str]:
    """Ids of the chosen runs: those of the address, else those chosen before in this session; unknown ones are told."""
    known = {row.run_id for row in rows}
    if group := st.query_params.get("group"):
        found = in_order([row for row in rows if row.group == group])
        if not found:
            words = f"No run that has recorded a round belongs to the group {plain(repr(group))}."
            st.warning(words, icon=":material/link_off:")
        return found
    listed = st.query_params.get("runs")
    if listed is None:
        return [run_id for run_id in st.session_state.get("compared_runs", []) if run_id in known]
    wanted = list(dict.fromkeys(word for word in listed.split(",") if word))
    if missing := [run_id for run_id in wanted if run_id not in known]:
        st.warning(
            f"Of these runs of the address none has recorded a round here: {plain(', '.join(missing))}.",
            icon=":material/link_off:",
        )
    return [run_id for run_id in wanted if run_id in known]


def choose(run_ids: Sequence[str]) -> None:
    """Puts the choice into the address and the session."""
    st.query_params.pop("group", None)
    st.session_state["compared_runs"] = list(run_ids)
    if run_ids:
        st.query_params["runs"] = ",".join(run_ids)
    else:
        st.query_params.pop("runs", None)


def choice(rows: Sequence[RunRow], chosen: Sequence[str]) -> None:
    """The table in which runs are ticked, with filters above.

    Args:
        rows: runs that can be compared, latest first.
        chosen: ids of the ticked ones.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="compare_q", placeholder="Title, method, data, id", icon=":material/search:", width=240
        )
        picked = {}
        for key, (title, value) in FILTERS.items():
            options = sorted({value(row) for row in rows} - {""})
            picked[key] = st.multiselect(title, options, key=key, width=180, placeholder="All", select_all=False)
    shown = [row for row in rows if _wanted(row, text, picked)]
    ids = [row.run_id for row in shown]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Choose all {len(shown)}" if len(shown) < len(rows) else "Choose all",
            key="choose_all",
            icon=":material/select_all:",
            disabled=not shown,
            on_click=choose,
            args=(list(dict.fromkeys([*chosen, *in_order(shown)])),),
        )
        st.button("Choose none", key="choose_none", icon=":material/deselect:", on_click=choose, args=([],),
                  disabled=not chosen)  # fmt: skip
        st.caption(f"{len(chosen)} chosen; the list has {len(shown)} of {counted(len(rows), 'run')}.")
    if not shown:
        st.info("No run matches the filters.", icon=":material/search_off:")
        return
    # A new key wherever rows move or the choice changes otherwise than by a tick: the browser keeps row numbers.
    if st.session_state.get("compare_ticked") != list(chosen):
        st.session_state["compare_revision"] = st.session_state.get("compare_revision", 0) + 1
        st.session_state["compare_ticked"] = list(chosen)
    key = f"choice_{st.session_state['compare_revision']}_{abs(hash(tuple(ids)))}"
    st.dataframe(
        shown_table(_table(shown)),
        key=key,
        hide_index=True,
        height=min(36 * (len(shown) + 1), 360),
        on_select=lambda: _tick(key, ids, chosen),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(run_id) for run_id in chosen if run_id in ids]}},
        placeholder="–",
        alt="Runs to choose from",
    )


def _tick(key: str, ids: Sequence[str], chosen: Sequence[str]) -> None:
    ticked = [ids[place] for place in st.session_state[key]["selection"]["rows"]]
    # The order of the choice stays; runs that filters hide stay chosen.
    kept = [run_id for run_id in chosen if run_id in ticked or run_id not in ids]
    after = [*kept, *(run_id for run_id in ticked if run_id not in kept)]
    st.session_state["compare_ticked"] = after
    choose(after)


def _wanted(row: RunRow, text: str, picked: dict[str, list[str]]) -> bool:
    return mentions(row, text) and all(not values or FILTERS[key][1](row) in values for key, values in picked.items())


def _table(rows: Sequence[RunRow]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Run": [row.marked_title for row in rows],
            "State": [row.state for row in rows],
            "Method": [row.method for row in rows],
            "Forget set": [short(row.forget) for row in rows],
            "Data · model": [f"{short(row.dataset)} · {short_code(row.backbone)}" for row in rows],
            "Seed": [row.seed for row in rows],
            "Group": [row.group for row in rows],
            "Run id": [row.run_id for row in rows],
        }
    )
