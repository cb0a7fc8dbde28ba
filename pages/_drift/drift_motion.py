"""Below the picture: how far samples really moved, in all dimensions, and what happened to them when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.analysis.recorded_signals import signal_of
from cu_core.analysis.scenes import boundary_of
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.figures.event_counts import crossing_alt, crossing_histogram, event_table, events_of, flip_bars
from cu_core.figures.measure_curves import measure_lines, measure_lines_alt, measure_table, reference_cka_table
from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.drift.events import crossings, flips
from cu_core.metrics.drift.seed_noise import NO_BAND, noise_band
from cu_core.runstore.reader import RunView, open_run
from pages._shared.chart_bar import show_chart
from pages._shared.recorded_rounds import Stamp, class_names, probe_of, reference_stamp, stamp
from pages._shared.server_home import home
from pages._terms.term_link import terms_row

FIRST = ("relative", "boundary")
"""Measures shown before anything is chosen: motion that surroundings do not share, and the way to the boundary."""

MOST_LISTED = 200


def full_space(view: RunView, rounds: list[int]) -> None:
    """Measures over rounds, with what two seeds differ by."""
    manifests = [view.manifest(number) for number in rounds]
    retrained = [view.reference_manifest(seed) for seed in view.references()]
    table = pd.concat([measure_table(manifests), reference_cka_table(retrained)])
    recorded = [name for name in MEASURES if (table["measure"] == name).any()]
    usual = [name for name in FIRST if name in recorded] or recorded[:2]
    names = st.multiselect(
        "Measures",
        recorded,
        default=usual,
        format_func=lambda name: MEASURES[name].title,
        key="drift_measures",
        select_all=False,
        help="All are taken in the full space; no projection is involved.",
    )
    if not names:
        st.caption("Choose a measure to see it over the rounds.")
        return
    counts = probe_of(view)["group"].value_counts()
    listed = ", ".join(f"{group} n = {count:,}" for group, count in counts.items())
    st.caption(f"In the full space: no projection. Line: mean; band: the middle half of the samples. {listed}.")
    noise = noise_band(retrained)
    figure = measure_lines(table, names, noise=noise, references=measure_table(retrained))
    show_chart(figure, key="drift_lines", alt=measure_lines_alt(table, names))
    for name in names:
        st.caption(f"**{MEASURES[name].title}.** {MEASURES[name].summary}")
    st.caption(noise.words() if noise is not None else NO_BAND)


@st.cache_resource(max_entries=8, show_spinner=False)
def _course(root: str, run_id: str, rounds: Stamp, references: Stamp) -> dict[str, Any]:
    view = open_run(home(), run_id)
    numbers = [number for number, _ in rounds]
    predictions = [signal_of(view, "top3_class", number) for number in numbers]
    boundary = [boundary_of(view, number) for number in numbers]
    return {
        "boundary": [b for b in boundary if b is not None],
        "predictions": [p for p in predictions if p is not None],
        "references": [b for seed, _ in references if (b := boundary_of(view, None, seed)) is not None],
    }


def events(view: RunView, rounds: list[int], shown: int) -> None:
    """Who crossed when, who never did, who went too far and who was dragged along, up to a round."""
    terms_row("crossed", "dragged-along", "boundary-distance", "over-unlearning")
    probe = probe_of(view)
    retrained = tuple((seed, *reference_stamp(view, seed)[0][1:]) for seed in view.references())
    course = _course(str(home().root), view.run_id, stamp(view, rounds), retrained)
    if len(course["boundary"]) < len(rounds) or len(rounds) < 2:
        st.caption("There is nothing to tell before the first round of unlearning.")
        return
    groups, labels = probe["group"].to_numpy(), probe["label"].to_numpy()
    upto = rounds.index(shown) + 1
    crossed = crossings(course["boundary"], rounds)
    # What is said above the two may take another number of lines; their bars stand on one line all the same.
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        st.caption("Crossed their decision boundary and stayed across, by round")
        figure = crossing_histogram(crossed.stays, groups, rounds)
        show_chart(figure, key="crossings", alt=crossing_alt(crossed.stays, groups, rounds))
    with right:
        st.caption("Changed their predicted class, by round")
        flipped = flips(course["predictions"])
        show_chart(
            flip_bars(flipped, groups, rounds),
            key="flips",
            alt=f"Share of each group whose prediction changed, in {counted(len(rounds) - 1, 'round')}.",
        )
    # Up to the round that is shown; at least one round after the start.
    upto = max(upto, 2)
    words, beyond = events_of(course["boundary"][:upto], labels, groups, course["references"])
    number = {word: int((words == word).sum()) for word in ("never left", "dragged along")}
    st.markdown(
        f"Up to round {rounds[upto - 1]}: **{counted(number['never left'], 'forget sample')}** never crossed their "
        f"boundary, **{counted(number['dragged along'], 'retain sample')}** went to the wrong side and stayed "
        f"there. {beyond.words()}"
    )
    marked = np.flatnonzero(words != "")
    with st.expander(f"Never left, too far or dragged along: {counted(len(marked), 'sample')}", icon=":material/list:"):
        moved = signal_of(view, "moved", rounds[upto - 1])
        table = event_table(
            probe,
            class_names(str(home().root), view.run_id),
            rounds[:upto],
            course["boundary"][:upto],
            course["predictions"][:upto],
            np.zeros(len(probe), np.float32) if moved is None else moved,
            signal_of(view, "moved_relative", rounds[upto - 1]),
            references=course["references"],
            rows=marked,
        )
        st.dataframe(
            shown_table(table),
            hide_index=True,
            placeholder="–",
            alt="Samples that never left, went too far or were dragged along",
        )
