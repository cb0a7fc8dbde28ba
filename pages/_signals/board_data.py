"""What the scatter of signals draws: the recorded signals of a run's samples, packed for the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from cu_core.analysis.scenes import recorded_array, state_name
from cu_core.catalogue.objective_record import objective
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
from cu_core.figures.theme import COLOURS
from cu_core.runstore.reader import RunView, open_run
from pages._shared.recorded_rounds import Stamp, probe_of
from pages._shared.server_home import home

Place = tuple[int | None, int | None]


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


def says_nothing_more(classes: Sequence[str], *, encoder: bool, with_cosine: bool) -> bool:
    """Whether the three highest probabilities tell nothing that is not drawn beside them, as those of two classes.

    Args:
        classes: names of the run's classes.
        encoder: whether the probabilities are over an encoder's outputs instead.
        with_cosine: whether the highest one is drawn with other signals.
    """
    return with_cosine and not encoder and len(classes) == 2


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
    view = open_run(home(), run_id)
    encoder = view.spec.self_supervised
    probe = probe_of(view)
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
    if says_nothing_more(classes, encoder=encoder, with_cosine=with_cosine):
        spaces = []
    if with_cosine:
        clouds = [signals_at(view, place) for place in places]
        known = [np.full((len(rows), 3), np.nan) if cloud is None else cloud[rows] for cloud in clouds]
        spaces.insert(0, pack_space(signal_space(encoder, *objective(view.spec.train.objective).loss_words), known))
    last = view.rounds()[-1]
    titles = [state_name(number, last) for number, _ in rounds] + ["Reference (retrained)"] * len(reference)
    true = drawn["true_label"] if "true_label" in drawn else drawn["label"]
    return {
        "run": run_id,
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
        "alt": space_alt(groups, titles, [space["title"] for space in spaces]),
        "drawn": rows,
    }
