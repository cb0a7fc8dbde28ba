"""Scenes of the Drift page, built once per run, rounds and view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from cu_core.analysis import scenes
from cu_core.analysis.scenes import PairView, Shown
from cu_core.figures.scene import Scene, SceneSamples
from cu_core.projections.map_store import Picture
from pages._shared.recorded_rounds import reference_stamp, stamp
from pages._shared.server_home import home

Built = TypeVar("Built")


def key_of(shown: Shown) -> tuple[Any, ...]:
    """Changes with what is drawn; what is cached below hangs on it."""
    other = (shown.beside.run_id, stamp(shown.beside, shown.beside.rounds())) if shown.beside else ("", ())
    run = shown.view.run_id, stamp(shown.view, shown.rounds), reference_stamp(shown.view, shown.seed)
    return (str(home().root), *run, *other, shown.limit, shown.classes)


# The run is part of the key; its arrays are not.
@st.cache_resource(max_entries=24, show_spinner=False)
def _once(what: str, key: tuple[Any, ...], choice: tuple[Any, ...], _build: Callable[[], Built]) -> Built:
    return _build()


def samples_of(shown: Shown) -> SceneSamples:
    """Who is drawn, with what the model says of them at every moment."""
    return _once("samples", key_of(shown), (), partial(scenes.samples_of, shown))


def boundary_scene(shown: Shown) -> Scene:
    """See `cu_core.analysis.scenes.boundary_scene`."""
    return _once("boundary", key_of(shown), (), partial(scenes.boundary_scene, shown))


def pair_view(shown: Shown, first: int, second: int) -> PairView | None:
    """See `cu_core.analysis.scenes.pair_view`."""
    return _once("pair", key_of(shown), (first, second), partial(scenes.pair_view, shown, first, second))


def preview_scene(shown: Shown) -> Scene:
    """See `cu_core.analysis.scenes.preview_scene`."""
    return _once("preview", key_of(shown), (), partial(scenes.preview_scene, shown))


def picture_scene(shown: Shown, name: str, picture: Picture) -> Scene:
    """See `cu_core.analysis.scenes.picture_scene`."""
    build = partial(scenes.picture_scene, shown, name, picture)
    return _once("picture", key_of(shown), (name, picture.stamp), build)
