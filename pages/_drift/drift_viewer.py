"""The viewer of drift: rounds, camera, selection and cards change in the browser, without asking the server.

Four component instances make one viewer, because the data of an instance are either JSON or bytes, and because what
has not changed is not sent again: the scene of a view, who the samples are, their images, and the viewer itself.
The viewer knows the others by the stamps of their messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from cu_core.figures.scene import Scene, SceneSamples, pack_message, pack_scene, scene_alt
from cu_core.figures.scene_figure import scene_figure
from pages._shared.browser_messages import CARRIER, carry
from pages._shared.browser_parts import browser_parts
from pages._shared.chart_bar import show_chart
from pages._shared.hover_card import Sprite

_SCRIPTS = (
    "webgl/geometry.js",
    "webgl/painter.js",
    "webgl/picking.js",
    "webgl/axes.js",
    "viewer/messages.js",
    "viewer/scene.js",
    "viewer/samples.js",
    "viewer/colours.js",
    "viewer/layout.js",
    "viewer/density.js",
    "viewer/marks.js",
    "viewer/panes.js",
    "viewer/pointer.js",
    "viewer/card.js",
    "viewer/scrubber.js",
    "viewer/legend.js",
    "viewer/viewer.js",
)

_PARTS = browser_parts("viewer", *_SCRIPTS)
PARTS = {"message": CARRIER, **_PARTS}
"""What the two components are made of."""

_VIEWER = st.components.v2.component("unlearnscope_drift_viewer", **_PARTS)


HEIGHT_AHEAD = 466
"""Height in px that is kept free until the script is there, which then takes what it needs: three panes in a row."""


@dataclass(frozen=True)
class ViewerState:
    """What the user did in the viewer.

    Attributes:
        selected: rows of the probe.
        round: number of the round that was chosen last; None until one was.
        ruler: rows of the two samples that the ruler joins; None without.
        ruler_moments: their places among the scene's moments; a sample may be measured against itself in another
            round.
        carried: stamps of the messages that the browser has of the run, by name.
    """

    selected: list[int]
    round: int | None
    ruler: tuple[int, int] | None = None
    ruler_moments: tuple[int, int] | None = None
    carried: dict[str, str] = field(default_factory=dict)


def drift_viewer(
    scene: Scene,
    samples: SceneSamples,
    *,
    key: str,
    run_id: str,
    selected: list[int],
    revision: int,
    shown: int,
    sprite: Sprite | None,
    stamp: str,
    on_pick: Callable[[list[int]], None] | None = None,
    on_round: Callable[[int], None] | None = None,
    autoplay: bool = False,
) -> ViewerState:
    """Draws a scene and returns what the user did in it.

    Scrubbing, playing, zooming, pointing and hiding cause no rerun; a released scrubber, a selection and a finished
    ruler cause one each. Round, zoom of each view, selection and modes stay as they are when another view is drawn or
    moments are added; who stands at the newest round follows.

    Args:
        scene: the view.
        samples: of the scene, in the same order.
        key: of this component; the same for all views of a run.
        run_id: of the run.
        selected: rows of the probe that are selected.
        revision: changes when the selection was made elsewhere than in this viewer; only then does it take over
            `selected`.
        shown: number of the round that is shown first; one that changes later is taken over.
        sprite: images of the samples in the order of `samples`; None where they are not on this machine.
        stamp: changes when anything in `scene` or `samples` changes.
        on_pick: called with the rows of a new selection before the page is drawn again, for what stands above.
        on_round: the same with the number of a round that was chosen.
        autoplay: plays the rounds by itself, again and again, until somebody takes over; not for people who have asked
            their system for little motion.
    """
    instance = f"{key} {run_id}"
    messages = {
        "scene": _packed_scene(f"{run_id} {stamp}", scene.view, scene, samples),
        "samples": samples.message,
        "sprite": _packed_sprite(sprite.png, sprite.columns, sprite.names) if sprite else None,
    }

    def picked() -> None:
        if on_pick is not None:
            on_pick(_rows(st.session_state[instance]["picked"], revision, selected))

    def moved() -> None:
        number = st.session_state[instance]["round"]
        if on_round is not None and number is not None:
            on_round(int(number))

    places = [state.kind for state in scene.states]
    # Before and the round, each reference, and one pane for all rounds of a second run.
    panes = min(places.count("round"), 2) + places.count("reference") + ("other" in places)
    with st.container(gap=None):
        carried = carry(messages, key=instance)
        result: Any = _VIEWER(
            key=instance,
            data={
                "memory": key,
                "run": run_id,
                "messages": carried,
                "ahead": {
                    "panes": panes,
                    "rounds": places.count("round"),
                    "flat": len(scene.axes) == 2,
                    "equal": scene.equal,
                },
                "selected": selected,
                "revision": revision,
                "shown": shown,
                "alt": scene_alt(scene, samples),
                "autoplay": autoplay,
            },
            default={"picked": None, "round": None, "ruler": None, "drawing": "webgl"},
            height=HEIGHT_AHEAD,
            on_picked_change=picked,
            on_round_change=moved,
            on_ruler_change=lambda: None,
            on_drawing_change=lambda: None,
        )
        if result["drawing"] == "none":
            show_chart(
                _figure(f"{run_id} {stamp}", scene.view, shown, scene, samples),
                key=f"{instance} figure",
                alt=scene_alt(scene, samples),
            )
    ruler = result["ruler"]
    return ViewerState(
        _rows(result["picked"], revision, selected),
        result["round"],
        tuple(ruler["rows"]) if ruler else None,
        tuple(ruler["moments"]) if ruler else None,
        carried,
    )


def _rows(picked: Any, revision: int, selected: list[int]) -> list[int]:
    """The selection: the viewer's own if it was made after the last one from elsewhere."""
    if picked is None or picked["revision"] != revision:
        return selected
    return [int(row) for row in picked["rows"]]


# Arrays are not part of the keys: the stamp stands for them.
@st.cache_resource(max_entries=8, show_spinner=False)
def _packed_scene(stamp: str, view: str, _scene: Scene, _samples: SceneSamples) -> bytes:
    return pack_scene(_scene, _samples.predictions_at(_scene.states))


@st.cache_resource(max_entries=4, show_spinner=False)
def _packed_sprite(png: bytes, columns: int, names: tuple[str, ...]) -> bytes:
    return pack_message({"columns": columns, "names": names}, {"png": png})


@st.cache_resource(max_entries=4, show_spinner=False)
def _figure(stamp: str, view: str, shown: int, _scene: Scene, _samples: SceneSamples) -> Any:
    return scene_figure(_scene, _samples, shown=shown, webgl=False)
