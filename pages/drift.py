"""How the samples of one run move: exact axes first, one map for all rounds, and what each picture is worth."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.scenes import Shown
from cu_core.figures.displacement import Displacement, displacement_figure
from cu_core.projections.map_store import Picture
from cu_core.runstore.reader import RunView, open_run
from pages._charts import bar
from pages._common import home, probe_of
from pages._drift_motion import events, full_space
from pages._drift_scenes import key_of, samples_of
from pages._drift_tsne import tsne_outputs
from pages._drift_viewer import ViewerState, drift_viewer
from pages._drift_views import Chosen, choose, offer_refit, pick_beside, pick_view
from pages._fidelity import ruler_text
from pages._one_run import live_line, show_run
from pages._recorded import class_names, pick_reference, probe_sprite, wanted_round
from pages._selection import follow, selection_of
from pages._selection_charts import linked_charts
from pages._selection_panel import SOURCE, selection_panel

ROOT = str(home().root)
POINTS = (2000, 5000, 20000)
USUAL = 5000
SAME = "The axes stay the same for all rounds."
APART = "What this method gets wrong stands below."


def what_to_show(view: RunView, rounds: list[int]) -> tuple[str, Shown]:
    """Draws the choices of view, of what is compared, and of how many samples are drawn."""
    recorded = len(probe_of(view, view.run_id))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = pick_view()
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
    return name, Shown(view, rounds, seed, other, limit, class_names(ROOT, view.run_id))


def picture(chosen: Chosen, shown: Shown) -> ViewerState:
    """The viewer with everything that it needs."""
    view = shown.view
    picked = selection_of(view)
    samples = samples_of(shown)
    total = len(probe_of(view, view.run_id))
    placed_together = chosen.picture is None or not chosen.picture.manifest["warning"]
    some = f"Showing {len(samples.row):,} of {total:,} recorded samples. " if len(samples.row) < total else ""
    st.caption(
        f"{some}One mark per sample, the same samples in every pane: :orange[✕] forget, :blue[●] retain, "
        f":green[◆] unseen; hollow before. {SAME if placed_together else APART}"
    )
    images = probe_sprite(ROOT, view.run_id, tuple(samples.row.tolist()))
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
    )
    if images is None:
        st.caption(
            "The images themselves are not on this machine, so pointing at a mark shows text only. They appear once "
            "a run has prepared this dataset here."
        )
    return state


def _follow(run_id: str, rows: list[int], revision: int) -> None:
    follow(run_id, rows, SOURCE, revision=revision)


def measured(chosen: Chosen, shown: Shown, state: ViewerState, number: int) -> None:
    """What the ruler found, and sample by sample how true the plotted movement is."""
    if state.ruler is not None and state.ruler_moments is not None:
        st.info(_ruler(chosen, shown, state.ruler, state.ruler_moments), icon=":material/straighten:")
    picture, view = chosen.picture, shown.view
    places = [] if picture is None else [_moment(picture, view, k) for k in (0, number)]
    if picture is None or number == 0 or None in places:
        return
    first, now = places
    with st.expander("Sample by sample: true and plotted movement", icon=":material/query_stats:"):
        probe = probe_of(view, view.run_id)
        moved = Displacement.of(picture.moved[now], picture.coordinates[first], picture.coordinates[now])
        figure = displacement_figure(
            moved, probe["group"].to_numpy(), probe["sample"].to_numpy(), kept=picture.kept[now]
        )
        st.plotly_chart(
            figure,
            key="true_movement",
            alt=f"True against plotted distance of each sample from its place of round 0, in round {number}.",
            config=bar(),
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
    probe = probe_of(shown.view, shown.view.run_id).iloc[list(rows)]
    one, other = (f"{split} sample {sample}" for split, sample in zip(probe["split"], probe["sample"], strict=True))
    return ruler_text(shown.view, (first, second), rows, (one, other), coordinates)


def _moment(picture: Picture, view: RunView, number: int) -> int | None:
    for k, moment in enumerate(picture.manifest["moments"]):
        if (moment["kind"], moment["run"], moment["number"]) == ("round", view.run_id, number):
            return k
    return None


def sections(view: RunView, was_active: bool) -> None:
    """The page's parts from top to bottom."""
    rounds = view.rounds()
    if 0 not in rounds:
        st.error("Round 0 of this run is missing or damaged, and every picture is drawn relative to it.",
                 icon=":material/error:")  # fmt: skip
        return
    # What comes and goes above the viewer has places of its own: a viewer that changes its place is mounted anew.
    with st.container(gap=None):
        if was_active:
            live_line(view, rounds)
    name, shown = what_to_show(view, rounds)
    with st.container(key="view_options"):
        chosen = choose(name, shown)
    state = picture(chosen, shown)
    number = state.round if state.round in rounds else wanted_round(rounds)
    chosen.strip(number)
    offer_refit(chosen)
    measured(chosen, shown, state, number)
    if name == "other":
        tsne_outputs(view)
    if shown.seed is None:
        st.caption(
            "No reference was retrained for this run; clone it and ask for one to see where the samples would lie."
        )
    st.subheader("Choose samples", anchor=False)
    selection_panel(view, rounds, number)
    linked_charts(view, rounds, number, shown.seed)
    full_space(view, rounds)
    events(view, rounds, number)


show_run("Drift", sections)
