"""The picture of the Drift page: what it shows, the viewer with all that it needs, and what is measured in it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cu_core.analysis.scenes import Shown
from cu_core.figures.displacement import Displacement, displacement_figure
from cu_core.projections.map_store import Picture
from cu_core.runstore.reader import RunView, open_run
from pages._drift.drift_scenes import key_of, samples_of
from pages._drift.drift_viewer import ViewerState, drift_viewer
from pages._drift.drift_views import Chosen, pick_beside, pick_view
from pages._drift.fidelity_strip import ruler_text
from pages._selection.selection_panel import SOURCE
from pages._selection.selection_state import follow, selection_of
from pages._shared.chart_bar import show_chart
from pages._shared.recorded_rounds import class_names, keep_round, pick_reference, probe_of, probe_sprite, wanted_round
from pages._shared.server_home import home

POINTS = (2000, 5000, 20000)
USUAL = 5000
SAME = "The axes stay the same for all rounds."
APART = "What this method gets wrong stands below."


@dataclass(frozen=True)
class Controls:
    """Where choices stand: in one row above the picture, and the rarer ones behind a button in it."""

    row: DeltaGenerator
    more: DeltaGenerator


def what_to_show(view: RunView, rounds: list[int]) -> tuple[str, Shown, Controls]:
    """Draws the choices of view, of what is compared, and of how many samples are drawn."""
    recorded = len(probe_of(view))
    with st.container(horizontal=True, vertical_alignment="center", key="view_options"):
        name = pick_view()
        row = st.container(horizontal=True, vertical_alignment="center", width="content")
        more = st.popover("Options", icon=":material/tune:", key="drift_options")
    with more:
        seed = pick_reference(view)
        beside = pick_beside(view.run_id)
        limit = USUAL
        if recorded > POINTS[0]:
            limit = st.selectbox(
                "Samples drawn",
                [count for count in POINTS if count < recorded] + [recorded],
                index=min(1, sum(count < recorded for count in POINTS)),
                format_func=lambda count: f"{count:,} of {recorded:,}",
                key="points",
                width=180,
                help="Forget samples are drawn first. Motion and events are measured on all recorded samples, "
                "neighbourhoods on a part of them that is named with the numbers.",
            )
    other = open_run(home(), beside) if beside else None
    shown = Shown(view, rounds, seed, other, limit, class_names(str(home().root), view.run_id))
    return name, shown, Controls(row, more)


def picture(chosen: Chosen, shown: Shown) -> ViewerState:
    """The viewer with everything that it needs."""
    view = shown.view
    picked = selection_of(view)
    samples = samples_of(shown)
    total = len(probe_of(view))
    placed_together = chosen.picture is None or not chosen.picture.manifest["warning"]
    some = f"Showing {len(samples.row):,} of {total:,} recorded samples. " if len(samples.row) < total else ""
    images = probe_sprite(str(home().root), view.run_id, tuple(samples.row.tolist()))
    state = drift_viewer(
        chosen.scene,
        samples,
        key="drift",
        run_id=view.run_id,
        selected=picked.rows.tolist(),
        revision=picked.revision,
        shown=wanted_round(shown.rounds),
        sprite=images,
        stamp=f"{hash(key_of(shown))} {chosen.scene.view} {chosen.picture.stamp if chosen.picture else ''}",
        on_pick=lambda rows: _follow(view.run_id, rows, picked.revision),
        on_round=lambda number: keep_round(shown.rounds, number),
    )
    missing = (
        " The images themselves are not on this machine, so pointing at a mark shows text only. They appear once a "
        "run has prepared this dataset here."
    )
    st.caption(
        f"{some}One mark per sample, the same samples in every pane; hollow before. "
        f"{SAME if placed_together else APART}{missing if images is None else ''}"
    )
    return state


def _follow(run_id: str, rows: list[int], revision: int) -> None:
    follow(run_id, rows, SOURCE, revision=revision)


def measured(chosen: Chosen, shown: Shown, state: ViewerState) -> None:
    """What the ruler found."""
    if state.ruler is not None and state.ruler_moments is not None:
        st.info(_ruler(chosen, shown, state.ruler, state.ruler_moments), icon=":material/straighten:")


def true_movement(chosen: Chosen, shown: Shown, number: int) -> None:
    """Sample by sample how true the plotted movement is."""
    picture, view = chosen.picture, shown.view
    if chosen.exact:
        st.caption("This view projects nothing: what is plotted is what was measured.")
        return
    if picture is None:
        st.caption("This picture is still being made; once it is there, each sample's movement is compared here.")
        return
    first, now = (_moment(picture, view, k) for k in (0, number))
    if number == 0 or first is None or now is None:
        st.caption("There is nothing to compare yet: choose a later round that is on the picture.")
        return
    probe = probe_of(view)
    drawn = [place for k in view.rounds() if (place := _moment(picture, view, k)) is not None]
    found = {k: Displacement.of(picture.moved[k], picture.coordinates[first], picture.coordinates[k]) for k in drawn}
    figure = displacement_figure(
        found[now],
        probe["group"].to_numpy(),
        probe["sample"].to_numpy(),
        kept=picture.kept[now],
        ends=(
            max(float(one.true.max(initial=0.0)) for one in found.values()),
            max(float(one.plotted.max(initial=0.0)) for one in found.values()),
        ),
    )
    show_chart(
        figure,
        key="true_movement",
        alt=f"True against plotted distance of each sample from its place of round 0, in round {number}.",
    )
    if picture.manifest["request"]["remove_motion"]:
        st.caption("True distances are those that remain once the common motion is taken out, as in the picture.")


def _ruler(chosen: Chosen, shown: Shown, rows: tuple[int, int], moments: tuple[int, int]) -> str:
    """What lies between two marks, which may be of two rounds."""
    places = shown.places()
    if max(moments) >= len(places) or any(places[k][1] is None or places[k][0] is not shown.view for k in moments):
        return (
            "The ruler measures within this run. A reference or another run has a space of its own, in which distances "
            "to marks of this one mean nothing."
        )
    first, second = (int(places[k][1] or 0) for k in moments)
    at = [None if chosen.picture is None else _moment(chosen.picture, shown.view, k) for k in (first, second)]
    coordinates = None
    if chosen.picture is not None and None not in at:
        coordinates = (chosen.picture.coordinates[at[0]], chosen.picture.coordinates[at[1]])
    probe = probe_of(shown.view).iloc[list(rows)]
    one, other = (f"{split} sample {sample}" for split, sample in zip(probe["split"], probe["sample"], strict=True))
    return ruler_text(shown.view, (first, second), rows, (one, other), coordinates)


def _moment(picture: Picture, view: RunView, number: int) -> int | None:
    for k, moment in enumerate(picture.manifest["moments"]):
        if (moment["kind"], moment["run"], moment["number"]) == ("round", view.run_id, number):
            return k
    return None
