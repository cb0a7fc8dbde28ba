"""What the Drift page draws of a run: who the samples are, and their places in each of its views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cu_core.figures.scene import Axis, Moment, Samples, Scene
from cu_core.figures.theme import GROUPS, class_name
from cu_core.maps.stored import Picture
from cu_core.metrics.boundary import ClassPlane, class_pair_plane, head_input
from cu_core.runs.reader import RunView
from cu_core.thinning import choose_points
from pages._common import home, probe_of
from pages._recorded import Stamp, moment_name, recorded_array, reference_stamp, signal_of, stamp
from pages._selection_charts import boundary_of, boundary_words

EDGE = 0.04
"""Share of an axis that stays free at its ends."""


@dataclass(frozen=True)
class Shown:
    """Which moments of which samples are drawn; everything that is cached hangs on its key.

    Attributes:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        seed: of the reference; None for none.
        beside: a second run with the same recorded samples; None for none.
        limit: most samples drawn.
        classes: class names by label.
    """

    view: RunView
    rounds: list[int]
    seed: int | None
    beside: RunView | None
    limit: int
    classes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, Stamp, Stamp, str, Stamp, int, tuple[str, ...]]:
        """Changes with what is drawn."""
        other = (self.beside.run_id, stamp(self.beside, self.beside.rounds())) if self.beside else ("", ())
        return (
            self.view.run_id,
            stamp(self.view, self.rounds),
            reference_stamp(self.view, self.seed),
            *other,
            self.limit,
            self.classes,
        )

    def places(self) -> list[tuple[RunView, int | None, int | None]]:
        """Run, round and reference seed of every moment, in the order in which they are drawn."""
        places: list[tuple[RunView, int | None, int | None]] = [(self.view, k, None) for k in self.rounds]
        if self.seed is not None:
            places.append((self.view, None, self.seed))
        if self.beside is not None:
            places += [(self.beside, k, None) for k in self.beside.rounds()]
        return places

    def moments(self) -> tuple[Moment, ...]:
        """Their names."""
        last = self.rounds[-1]
        named = [Moment(moment_name(k, last), k) for k in self.rounds]
        if self.seed is not None:
            named.append(Moment("Reference (retrained)", None, "reference"))
        if self.beside is not None:
            title = self.beside.spec.method.id
            named += [Moment(f"{title}, round {k}", k, "other") for k in self.beside.rounds()]
        return tuple(named)

    def rows(self) -> np.ndarray:
        """(m,) rows of the probe that are drawn."""
        return choose_points(probe_of(self.view, self.view.run_id)["group"].to_numpy(), self.limit)


# The run is part of the key; its arrays are not.
@st.cache_resource(max_entries=6, show_spinner=False)
def _samples(root: str, key: Any, _shown: Shown) -> Samples:
    rows = _shown.rows()
    probe = probe_of(_shown.view, _shown.view.run_id).iloc[rows]
    label = probe["label"].to_numpy()

    def arrays(name: str, missing: Any) -> list[np.ndarray]:
        found = [recorded_array(view, name, number, seed) for view, number, seed in _shown.places()]
        return [missing if array is None else np.asarray(array)[rows] for array in found]

    top3_class = arrays("top3_class", np.full((len(rows), 3), -1))
    return Samples(
        row=rows,
        sample=probe["sample"].to_numpy(),
        test=(probe["split"] == "test").to_numpy(),
        group=probe["group"].map(GROUPS.index).to_numpy(),
        label=label,
        truth=probe["true_label"].to_numpy() if "true_label" in probe else label,
        classes=_shown.classes,
        moments=_shown.moments(),
        prediction=[classes[:, 0] for classes in top3_class],
        top3_class=top3_class,
        top3=arrays("top3", np.full((len(rows), 3), np.nan)),
        loss=arrays("loss", np.full(len(rows), np.nan)),
        cosine=[_cosine(view, number, seed)[rows] for view, number, seed in _shown.places()],
        boundary=[_boundary(view, number, seed)[rows] for view, number, seed in _shown.places()],
    )


def samples_of(shown: Shown) -> Samples:
    """Who is drawn, with what the model says of them at every moment."""
    return _samples(str(home().root), shown.key, shown)


@st.cache_resource(max_entries=6, show_spinner=False)
def _boundary_scene(root: str, key: Any, _shown: Shown) -> Scene:
    rows = _shown.rows()
    coordinates = [
        np.column_stack([_boundary(*place)[rows], _cosine(*place)[rows]]).astype(np.float32)
        for place in _shown.places()
    ]
    title, label = boundary_words(_shown.view)
    across = _axis(coordinates, 0, label, title, mark=0.0, mark_title="decision boundary")
    upward = _axis(coordinates, 1, "Cosine to own round-0 embedding", "Cosine to round 0", high=1.0)
    return Scene("boundary", (across, upward), _shown.moments(), coordinates)


def boundary_scene(shown: Shown) -> Scene:
    """Distance to the decision boundary against the turn since round 0: both exact, nothing is projected."""
    return _boundary_scene(str(home().root), shown.key, shown)


@dataclass(frozen=True)
class PairView:
    """The plane of two classes.

    Attributes:
        scene: what is drawn.
        explained: share of the variance within the boundary that the vertical axis shows, per moment.
    """

    scene: Scene
    explained: list[float | None]


@st.cache_resource(max_entries=6, show_spinner=False)
def _pair_view(root: str, key: Any, first: int, second: int, _shown: Shown) -> PairView | None:
    rows = _shown.rows()
    coordinates, explained = [], []
    direction = None
    for view, number, seed in _shown.places():
        plane = _plane(view, number, seed, first, second, None if seed is not None else direction)
        if plane is None:
            return None
        if number == 0 and direction is None:
            direction = plane.direction
        coordinates.append(np.column_stack([plane.across[rows], plane.along[rows]]).astype(np.float32))
        explained.append(plane.explained)
    one, other = (class_name(_shown.classes, label) for label in (first, second))
    across = _axis(coordinates, 0, f"Signed distance: {other} ← 0 → {one}", "Signed distance", 0.0, f"{one} or {other}")
    upward = _axis(coordinates, 1, "First principal axis within the boundary", "Within the boundary")
    view_name = f"pair {first} {second}"
    return PairView(Scene(view_name, (across, upward), _shown.moments(), coordinates), explained)


def pair_view(shown: Shown, first: int, second: int) -> PairView | None:
    """The boundary between two classes, exact across it; None where the last layer was not recorded."""
    return _pair_view(str(home().root), shown.key, first, second, shown)


@st.cache_resource(max_entries=6, show_spinner=False)
def _preview_scene(root: str, key: Any, _shown: Shown) -> Scene:
    rows = _shown.rows()
    found = [recorded_array(view, "coordinates", number, seed) for view, number, seed in _shown.places()]
    nowhere = np.full((len(rows), 2), np.nan, np.float32)
    coordinates = [nowhere if places is None else np.asarray(places)[rows] for places in found]
    if _shown.beside is not None:
        # Recorded on the axes of that run's own round 0, which may be others.
        count = len(_shown.beside.rounds())
        coordinates[-count:] = [nowhere] * count
    axes = [_axis(coordinates, k, f"Principal axis {k + 1}", f"Axis {k + 1}") for k in range(2)]
    return Scene("preview", tuple(axes), _shown.moments(), coordinates, equal=True)


def preview_scene(shown: Shown) -> Scene:
    """The principal axes that every run records: there at once, while a better picture is being drawn."""
    return _preview_scene(str(home().root), shown.key, shown)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picture_scene(root: str, key: Any, name: str, stamp: str, _shown: Shown, _picture: Picture) -> Scene:
    rows = _shown.rows()
    known = {(m["kind"], m["run"], m["number"]): k for k, m in enumerate(_picture.manifest["moments"])}
    size = _picture.coordinates.shape[2]
    coordinates, stray = [], []
    for moment, (view, number, seed) in zip(_shown.moments(), _shown.places(), strict=True):
        place = known.get((moment.kind, view.run_id, seed if number is None else number))
        coordinates.append(
            np.full((len(rows), size), np.nan, np.float32) if place is None else _picture.coordinates[place][rows]
        )
        stray.append(np.zeros(len(rows), bool) if place is None else _picture.stray[place][rows])
    titles = _picture.manifest["axes"]
    axes = [_axis(coordinates, k, title, f"Axis {k + 1}") for k, title in enumerate(titles)]
    return Scene(name, tuple(axes), _shown.moments(), coordinates, equal=True, stray=stray)


def picture_scene(shown: Shown, name: str, picture: Picture) -> Scene:
    """A stored picture; moments that it does not hold yet are empty."""
    return _picture_scene(str(home().root), shown.key, name, picture.stamp, shown, picture)


def _boundary(view: RunView, number: int | None, seed: int | None) -> np.ndarray:
    found = boundary_of(view, number, seed)
    return np.full(len(probe_of(view, view.run_id)), np.nan, np.float32) if found is None else np.asarray(found)


def _cosine(view: RunView, number: int | None, seed: int | None) -> np.ndarray:
    """Of a reference after the best rotation onto round 0; NaN where that was not recorded."""
    found = signal_of(view, "cosine_to_start" if number is not None else "aligned_cosine", number, seed)
    return np.full(len(probe_of(view, view.run_id)), np.nan, np.float32) if found is None else np.asarray(found)


def _plane(
    view: RunView, number: int | None, seed: int | None, first: int, second: int, direction: np.ndarray | None
) -> ClassPlane | None:
    head, embedding = (recorded_array(view, name, number, seed) for name in ("head", "embedding"))
    manifest = view.manifest(number) if number is not None else view.reference_manifest(seed or 0)
    about = manifest.get("boundary") or {}
    if head is None or embedding is None or "reads" not in about:
        return None
    try:
        return class_pair_plane(head_input(embedding, about["reads"]), head, first, second, direction)
    except ValueError:
        return None


def _axis(
    coordinates: list[np.ndarray],
    place: int,
    title: str,
    short: str,
    mark: float | None = None,
    mark_title: str = "",
    high: float | None = None,
) -> Axis:
    """An axis that holds every moment."""
    values = np.concatenate([moment[:, place] for moment in coordinates])
    values = values[np.isfinite(values)]
    low, top = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if mark is not None:
        low, top = min(low, mark), max(top, mark)
    top = top if high is None else high
    room = EDGE * ((top - low) or 1.0)
    return Axis(title, short, low - room, top + room, mark, mark_title)
