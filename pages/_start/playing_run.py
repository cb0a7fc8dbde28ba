"""A finished run that plays from before to after, beside the reference, in the viewer of the Drift page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from cu_core.analysis.scenes import Shown
from cu_core.analysis.verdict_reading import verdict_of
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.question_record import NO_DIFFERENCE
from cu_core.runstore.reader import RunRow, RunView, open_run
from pages._drift.drift_scenes import boundary_scene, key_of, samples_of
from pages._drift.drift_viewer import drift_viewer
from pages._frame.page_links import link_to
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import class_names, probe_of, probe_sprite
from pages._shared.server_home import home
from pages._shared.verdict_badge import verdict_badge

MOST_POINTS = 2000
"""Samples drawn: as many as can be told apart in three panes."""


def playable(rows: Sequence[RunRow]) -> list[RunRow]:
    """Runs to play: the latest one on emoji, a demo that passes and one that does not; without any the latest run.

    Args:
        rows: all runs, latest first.
    """
    done = [row for row in rows if row.state == "succeeded" and row.rounds and not row.damaged and not row.copy_of]
    emoji = [row for row in done if row.dataset == "emoji" and not row.demo][:1]
    demos = sorted((row for row in done if row.demo), key=lambda row: (row.verdict != NO_DIFFERENCE, row.title))
    # One of each: runs of lessons are demos, too.
    good, bad = (
        demos[:1]
        for demos in (
            [row for row in demos if row.verdict == NO_DIFFERENCE],
            [row for row in demos if row.verdict != NO_DIFFERENCE],
        )
    )
    return emoji + good + bad or done[:1]


def shown_of(view: RunView) -> Shown | None:
    """What is drawn of a run; None where there is no round to begin or to end with."""
    rounds = view.rounds()
    if len(rounds) < 2 or rounds[0] != 0:
        return None
    references = view.references()
    seed = references[0] if references else None
    return Shown(view, rounds, seed, None, MOST_POINTS, class_names(str(home().root), view.run_id))


def playing_run(rows: Sequence[RunRow]) -> None:
    """Draws the choice of runs and the one that plays, with its verdict.

    Args:
        rows: all runs, latest first.
    """
    offered = {row.run_id: row for row in playable(rows)}
    if not offered:
        return
    # Beside three titles the links would break into another line, one here and one there.
    chosen = _choice(offered) if len(offered) > 2 else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = chosen or _choice(offered)
        if state := offered[chosen].verdict:
            verdict_badge(state)
            link_to("verdict", "Why", run=chosen)
        link_to("drift", "Look closer", run=chosen)
    try:
        view = open_run(home(), chosen)
        shown = shown_of(view)
        if shown is None:
            st.caption("Its rounds cannot be shown.")
        else:
            _draw(shown)
        if (verdict := verdict_of(view.result())) is not None:
            st.caption(f"**The verdict:** {plain(verdict['sentence'])}")
    except UnlearnscopeError as error:
        st.caption(plain(error))


def labels_of(rows: Iterable[RunRow]) -> dict[str, str]:
    """Titles by id, told apart by the id where two are alike: choices with the same words are one choice."""
    titles = {row.run_id: plain(row.title) for row in rows}
    return {
        run_id: title if list(titles.values()).count(title) == 1 else f"{title} · {run_id[-4:]}"
        for run_id, title in titles.items()
    }


def _choice(offered: Mapping[str, RunRow]) -> str:
    """Draws the choice of the run that plays, where there are several."""
    first = next(iter(offered))
    if len(offered) == 1:
        st.markdown(f"**{plain(offered[first].title)}**", width="content")
        return first
    return str(
        st.pills(
            "Run that plays",
            list(offered),
            format_func=labels_of(offered.values()).__getitem__,
            default=first,
            required=True,
            key="playing",
            label_visibility="collapsed",
            width="content",
            wrap=True,
        )
    )


def _draw(shown: Shown) -> None:
    samples, scene = samples_of(shown), boundary_scene(shown)
    run_id = shown.view.run_id
    # All rows go without saying: the cache would work through them one by one.
    rows = None if len(samples.row) == len(probe_of(shown.view)) else tuple(samples.row.tolist())
    drift_viewer(
        scene,
        samples,
        key="start",
        run_id=run_id,
        selected=[],
        revision=0,
        shown=shown.rounds[-1],
        sprite=probe_sprite(str(home().root), run_id, rows),
        stamp=f"{hash(key_of(shown))} {scene.view}",
        autoplay=True,
    )
    st.caption(
        "**The picture:** one mark per sample. Left to right: how far it is from the boundary of its class; left of "
        "the line the network takes it for another class. Bottom to top: how much its features are still those of the "
        "start. Nothing is projected."
    )
