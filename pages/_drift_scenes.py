"""Scenes of the Drift page, built once per run, rounds and view."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cu_core.analysis import scenes
from cu_core.analysis.scenes import PairView, Shown
from cu_core.figures.scene import Scene, SceneSamples
from cu_core.projections.map_store import Picture
from pages._common import home
from pages._recorded import reference_stamp, stamp


def key_of(shown: Shown) -> tuple[Any, ...]:
    """Changes with what is drawn; what is cached below hangs on it."""
    other = (shown.beside.run_id, stamp(shown.beside, shown.beside.rounds())) if shown.beside else ("", ())
    run = shown.view.run_id, stamp(shown.view, shown.rounds), reference_stamp(shown.view, shown.seed)
    return (str(home().root), *run, *other, shown.limit, shown.classes)


# The run is part of the key; its arrays are not.
@st.cache_resource(max_entries=6, show_spinner=False)
def _samples(key: Any, _shown: Shown) -> SceneSamples:
    return scenes.samples_of(_shown)


def samples_of(shown: Shown) -> SceneSamples:
    """Who is drawn, with what the model says of them at every moment."""
    return _samples(key_of(shown), shown)


@st.cache_resource(max_entries=6, show_spinner=False)
def _boundary_scene(key: Any, _shown: Shown) -> Scene:
    return scenes.boundary_scene(_shown)


def boundary_scene(shown: Shown) -> Scene:
    """See `cu_core.analysis.scenes.boundary_scene`."""
    return _boundary_scene(key_of(shown), shown)


@st.cache_resource(max_entries=6, show_spinner=False)
def _pair_view(key: Any, first: int, second: int, _shown: Shown) -> PairView | None:
    return scenes.pair_view(_shown, first, second)


def pair_view(shown: Shown, first: int, second: int) -> PairView | None:
    """See `cu_core.analysis.scenes.pair_view`."""
    return _pair_view(key_of(shown), first, second, shown)


@st.cache_resource(max_entries=6, show_spinner=False)
def _preview_scene(key: Any, _shown: Shown) -> Scene:
    return scenes.preview_scene(_shown)


def preview_scene(shown: Shown) -> Scene:
    """See `cu_core.analysis.scenes.preview_scene`."""
    return _preview_scene(key_of(shown), shown)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picture_scene(key: Any, name: str, stamp: str, _shown: Shown, _picture: Picture) -> Scene:
    return scenes.picture_scene(_shown, name, _picture)


def picture_scene(shown: Shown, name: str, picture: Picture) -> Scene:
    """See `cu_core.analysis.scenes.picture_scene`."""
    return _picture_scene(key_of(shown), name, picture.stamp, shown, picture)
