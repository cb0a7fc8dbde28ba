"""The scatter of signals with its switches, and the samples that are selected in it as a table."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.figures.theme import TITLES
from cu_core.runstore.reader import RunView
from pages._selection.selection_state import NONE_REPORTED, Focus, counts_words, follow, selection_of
from pages._shared.recorded_rounds import class_names, probe_of, probe_sprite, reference_stamp, stamp, wanted_round
from pages._shared.server_home import home
from pages._signals.board_data import board_data, says_nothing_more, signals_at
from pages._signals.signal_board import signal_board

MOST_LISTED = 200


def board(view: RunView, rounds: list[int], seed: int | None, with_cosine: bool, focus: Focus) -> None:
    """The scatter with its switches, and the samples that are selected in it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        flat = not st.toggle(
            "3-D",
            key="deep",
            bind="query-params",
            help="All three signals as a space that can be turned. In 2-D, projections on pairs of them, panes can be "
            "compared side by side, and samples are selected by drawing around them.",
        )
        log = st.toggle("Logarithmic loss", value=True, key="log_loss", bind="query-params")
    classes = class_names(str(home().root), view.run_id)
    only = tuple(focus.rows.tolist()) if focus.only else None
    packed = board_data(
        str(home().root), view.run_id, stamp(view, rounds), reference_stamp(view, seed), with_cosine, classes, only
    )
    rows = packed["drawn"]
    if not len(rows):
        st.info(NONE_REPORTED, icon=":material/info:")
        return
    images = probe_sprite(str(home().root), view.run_id, tuple(rows.tolist()))
    picked = selection_of(view)
    data = {name: value for name, value in packed.items() if name != "drawn"} | {
        "stamp": f"{packed['stamp']} {images is not None}",
        "flat": flat,
        "log": log,
        "shown": rounds.index(wanted_round(rounds)),
        "selected": picked.rows.tolist(),
        "revision": picked.revision,
        "png": base64.b64encode(images.png).decode() if images else None,
        "columns": images.columns if images else 1,
        "names": list(images.names) if images else [],
    }
    how = (
        "Drag around samples to select them, with Shift to add and Alt to remove"
        if flat
        else "Drag to turn all panes together; click a sample to select it"
    )
    reported = np.flatnonzero(~probe_of(view)["rule"].to_numpy())
    among = len(focus.within(reported))
    what = "selected" if focus.only else "recorded"
    some = f"Showing {len(rows):,} of {among:,} {what} samples, evenly by group. " if len(rows) < among else ""
    if focus.only:
        some = f"Only the selected samples are drawn; selecting among them narrows the selection. {some}"
    st.caption(
        f"{some}One mark per sample, the same samples in every pane: :orange[✕] forget (members that were unlearned), "
        ":green[◆] unseen (non-members), and :blue[●] retain once “show” beside its name is clicked; hollow before, "
        f"filled after. The axes stay the same for all rounds. {how}; Ctrl and the wheel zoom, a double click resets."
    )
    if says_nothing_more(classes, encoder=view.spec.self_supervised, with_cosine=with_cosine):
        st.caption(
            "Of two classes, the second probability is what the first leaves of 1, and there is no third to draw."
        )
    signal_board(
        data,
        key=f"board {view.run_id}",
        on_select=lambda told, revision: follow(view.run_id, told, "Signal space", revision=revision),
    )
    if images is None:
        st.caption(
            "The images themselves are not on this machine, so pointing at a mark shows text only. They appear once "
            "a run has prepared this dataset here."
        )
    selection_section(view, rounds, picked.rows)


def selection_section(view: RunView, rounds: list[int], selected: np.ndarray) -> None:
    """The selected samples as a table, before and in the last round."""
    if not len(selected):
        return
    table = probe_of(view).iloc[selected]
    listed = counts_words(table["group"].to_numpy())
    st.header(counted(len(table), "selected sample"), anchor=False)
    shown = table.iloc[:MOST_LISTED]
    most = f" The first {MOST_LISTED} are listed." if len(table) > MOST_LISTED else ""
    st.caption(f"{listed[0].upper()}{listed[1:]}.{most} They stay selected for this run until they are cleared.")
    names = class_names(str(home().root), view.run_id)
    columns: dict[str, Any] = {
        "Group": shown["group"].map(TITLES),
        "Split": shown["split"],
        "Sample": shown["sample"],
        "Class": [names[label] if label < len(names) else str(label) for label in shown["label"]],
    }
    for word, number in (("before", rounds[0]), ("after", rounds[-1])):
        values = signals_at(view, (number, None))
        if values is not None:
            for place, name in enumerate(("Top-1", "Cosine", "Loss")):
                columns[f"{name} {word}"] = values[shown.index, place]
    number_format = {name: st.column_config.NumberColumn(format="%.4g") for name in columns if " " in name}
    st.dataframe(
        shown_table(pd.DataFrame(columns)),
        hide_index=True,
        column_config=number_format,
        placeholder="–",
        alt="Signals of the selection",
    )
