"""Top-1 probability, two-view cosine and loss of every sample in one space: before, any round and reference."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.catalogue.spec import digest
from cu_core.figures.signal_cloud import (
    choose_drawn,
    pack,
    pack_groups,
    pack_space,
    signal_space,
    space_alt,
    top3_space,
)
from cu_core.figures.theme import COLOURS, TITLES, join
from cu_core.learning.objectives import objective
from cu_core.runstore.reader import RunView, open_run
from pages._common import home, probe_of
from pages._one_run import footnotes, live_line, show_run
from pages._recorded import (
    Stamp,
    class_names,
    moment_name,
    pick_reference,
    probe_sprite,
    recorded_array,
    reference_stamp,
    stamp,
    wanted_round,
)
from pages._selection import NONE_REPORTED, Focus, counts_words, follow, selection_bar, selection_of
from pages._signal_space import signal_board

HOME = home()
ROOT = str(HOME.root)
MOST_LISTED = 200
Place = tuple[int | None, int | None]


def loss_titles(view: RunView) -> tuple[str, str]:
    """What the recorded loss of a run is, with its unit where it has one; and the same in short."""
    if not view.spec.self_supervised:
        return "Cross-entropy of the label (nats)", "Cross-entropy (nats)"
    trained = objective(view.spec.train.objective)
    # The contrastive losses are cross-entropies; the other one is a distance.
    unit = " (nats)" if trained.temperature else ""
    return f"{trained.title} loss of two views{unit}", f"{trained.title} loss{unit}"


def top3_name(view: RunView) -> str:
    """The array with the probabilities that the paper looks at: over outputs for encoders, else over classes."""
    return "output_top3" if view.spec.self_supervised else "top3"


def signals_at(view: RunView, place: Place) -> np.ndarray | None:
    """(n, 3) top-1 probability, two-view cosine and loss; None where one of them was not recorded."""
    top3, cosine, loss = (recorded_array(view, name, *place) for name in (top3_name(view), "two_view_cosine", "loss"))
    if top3 is None or cosine is None or loss is None:
        return None
    return np.column_stack([top3[:, 0], cosine, loss])


def recorded_rounds(view: RunView, rounds: list[int], name: str) -> list[int]:
    """The rounds that hold an array."""
    return [number for number in rounds if name in view.manifest(number)["arrays"]]


@st.cache_data(max_entries=4, show_spinner=False)
def board_data(
    root: str,
    run_id: str,
    rounds: Stamp,
    reference: Stamp,
    with_cosine: bool,
    classes: tuple[str, ...],
    only: tuple[int, ...] | None,
) -> dict[str, Any]:
    """Everything about a run that the scatter draws, of some samples `only` if not None; rebuilt when that changes."""
    view = open_run(HOME, run_id)
    encoder = view.spec.self_supervised
    probe = probe_of(view, run_id)
    places: list[Place] = [*((number, None) for number, _ in rounds), *((None, seed) for seed, _ in reference)]
    reported = np.flatnonzero(~probe["rule"].to_numpy())
    if only is not None:
        reported = reported[np.isin(reported, only)]
    rows = reported[choose_drawn(probe["group"].to_numpy()[reported], len(places))]
    drawn = probe.iloc[rows]
    groups = drawn["group"].to_numpy()

    def array(name: str, place: Place) -> np.ndarray:
        found = recorded_array(view, name, *place)
        # An old reference may lack what its rounds have.
        return np.full((len(rows), 3), np.nan) if found is None else found[rows]

    spaces = [pack_space(top3_space(encoder), [array(top3_name(view), place) for place in places])]
    if with_cosine:
        clouds = [signals_at(view, place) for place in places]
        known = [np.full((len(rows), 3), np.nan) if cloud is None else cloud[rows] for cloud in clouds]
        spaces.insert(0, pack_space(signal_space(encoder, *loss_titles(view)), known))
    last = view.rounds()[-1]
    titles = [moment_name(number, last) for number, _ in rounds] + ["Reference (retrained)"] * len(reference)
    true = drawn["true_label"] if "true_label" in drawn else drawn["label"]
    return {
        "stamp": f"{run_id} {rounds} {reference} {classes} {only and digest(only)}",
        "moments": titles,
        "reference": len(titles) - 1 if reference else None,
        "reference_colour": COLOURS["reference"],
        "spaces": spaces,
        "groups": pack_groups(groups),
        "rows": pack(rows.astype(np.int32)),
        "sample": pack(drawn["sample"].to_numpy().astype(np.int32)),
        "test": pack((drawn["split"] == "test").to_numpy().astype(np.uint8)),
        "label": pack(drawn["label"].to_numpy().astype(np.int16)),
        "truth": pack(true.to_numpy().astype(np.int16)),
        "predicted": [pack(array("top3_class", place)[:, 0].astype(np.int16)) for place in places],
        "classes": list(classes),
        "alt": space_alt(groups, titles),
        "drawn": rows,
    }


def board(view: RunView, rounds: list[int], seed: int | None, with_cosine: bool, focus: Focus) -> None:
    """The scatter with its switches, and the samples that are selected in it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        flat = st.toggle(
            "2-D",
            key="flat",
            bind="query-params",
            help="Projections on pairs of the signals. In them samples can be selected by drawing around them.",
        )
        log = st.toggle("Logarithmic loss", value=True, key="log_loss", bind="query-params")
    classes = class_names(ROOT, view.run_id)
    only = tuple(focus.rows.tolist()) if focus.only else None
    packed = board_data(ROOT, view.run_id, stamp(view, rounds), reference_stamp(view, seed), with_cosine, classes, only)
    rows = packed["drawn"]
    if not len(rows):
        st.info(NONE_REPORTED, icon=":material/info:")
        return
    images = probe_sprite(ROOT, view.run_id, tuple(rows.tolist()))
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
    }
    how = (
        "Drag around samples to select them, with Shift to add and Alt to remove"
        if flat
        else "Drag to turn all panes together; click a sample to select it"
    )
    reported = np.flatnonzero(~probe_of(view, view.run_id)["rule"].to_numpy())
    among = len(focus.within(reported))
    what = "selected" if focus.only else "recorded"
    some = f"Showing {len(rows):,} of {among:,} {what} samples, evenly by group. " if len(rows) < among else ""
    if focus.only:
        some = f"Only the selected samples are drawn; selecting among them narrows the selection. {some}"
    st.caption(
        f"{some}One mark per sample, the same samples in every pane: :orange[✕] forget (members that were unlearned), "
        ":green[◆] unseen (non-members), and :blue[●] retain once its legend entry is clicked; hollow before, filled "
        f"after. The axes stay the same for all rounds. {how}; Ctrl and the wheel zoom, a double click resets."
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
    table = probe_of(view, view.run_id).iloc[selected]
    listed = counts_words(table["group"].to_numpy())
    st.subheader(f"{len(table):,} selected samples", anchor=False)
    shown = table.iloc[:MOST_LISTED]
    most = f" The first {MOST_LISTED} are listed." if len(table) > MOST_LISTED else ""
    st.caption(f"{listed[0].upper()}{listed[1:]}.{most} They stay selected for this run until they are cleared.")
    names = class_names(ROOT, view.run_id)
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
    st.dataframe(pd.DataFrame(columns), hide_index=True, column_config=number_format, alt="Signals of the selection")


def sections(view: RunView, was_active: bool) -> None:
    """The page's parts from top to bottom."""
    rounds = view.rounds()
    if 0 not in rounds:
        st.error("Round 0 of this run is missing or damaged, so there is no before.", icon=":material/error:")
        return
    if was_active:
        live_line(view, rounds)
    focus = selection_bar(view)
    seed = pick_reference(view)
    with_cosine = recorded_rounds(view, rounds, "two_view_cosine")
    if not with_cosine:
        st.info(
            "The cosine of two views was not recorded in this run, so only the highest probabilities are shown.",
            icon=":material/info:",
        )
    shown = recorded_rounds(view, with_cosine or rounds, top3_name(view))
    if not shown:
        st.info("The highest probabilities were not recorded in this run.", icon=":material/info:")
        return
    if len(shown) < len(rounds):
        st.caption(f"Two views of each sample were recorded in rounds {join([str(k) for k in shown])} only.")
    board(view, shown, seed, bool(with_cosine), focus)
    notes = footnotes(view, seed)
    notes.append("After figure 6 of Wang and Chen, Machine Unlearning in Contrastive Learning.")
    st.caption(" ".join(notes))


show_run("Signal space", sections)
