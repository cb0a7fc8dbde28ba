"""Coordinates of recorded samples in every view of drift, read from the rounds of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.figures.scene import Scene, SceneAxis, SceneSamples, SceneState
from cu_core.figures.theme import GROUPS, class_name
from cu_core.figures.thinning import choose_points
from cu_core.metrics.boundary import ClassPlane, class_pair_plane, head_input, logit_gap
from cu_core.projections.map_store import Picture
from cu_core.runstore.reader import RunView

EDGE = 0.04
"""Share of an axis that stays free at its ends."""

LOGIT_GAP = "Logit gap"


def recorded_array(view: RunView, name: str, number: int | None, seed: int | None = None) -> np.ndarray | None:
    """An array of a round, or of the reference of a seed where the number is None; None where it was not recorded."""
    manifest = view.manifest(number) if number is not None else view.reference_manifest(_known(seed))
    if name not in manifest["arrays"]:
        return None
    return np.asarray(view.array(number, name) if number is not None else view.reference_array(_known(seed), name))


def state_name(number: int, last: int) -> str:
    """Title of a round's pane."""
    if number == 0:
        return "Before (round 0)"
    return f"After (round {number})" if number == last else f"Round {number}"


def boundary_of(view: RunView, number: int | None, seed: int | None = None) -> np.ndarray | None:
    """(n,) distance to the decision boundary in a round or reference; of older runs the gap of the logits instead."""
    # A run that an older version began has no distances in its first rounds: then they would stand beside gaps.
    if boundary_unit(view) and (found := recorded_array(view, "boundary", number, seed)) is not None:
        return found
    logits = recorded_array(view, "logits", number, seed)
    return None if logits is None else logit_gap(logits, view.probe()["label"].to_numpy())


def boundary_words(view: RunView) -> tuple[str, str]:
    """Title and axis label of what `boundary_of` gives for this run."""
    if boundary_unit(view):
        return "Distance to the boundary", "Signed distance"
    return LOGIT_GAP, "Label's logit minus best other"


def boundary_unit(view: RunView) -> str:
    """Unit of the distances to the boundary; empty where the gap of the logits stands in for them."""
    manifest = view.manifest(0)
    if "boundary" not in manifest["arrays"] or manifest["boundary"]["kind"] == "logits":
        return ""
    return str(manifest["boundary"]["unit"])


@dataclass(frozen=True)
class Shown:
    """Which states of which samples are drawn.

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

    def places(self) -> list[tuple[RunView, int | None, int | None]]:
        """Run, round and reference seed of every state, in the order in which they are drawn."""
        places: list[tuple[RunView, int | None, int | None]] = [(self.view, k, None) for k in self.rounds]
        if self.seed is not None:
            places.append((self.view, None, self.seed))
        if self.beside is not None:
            places += [(self.beside, k, None) for k in self.beside.rounds()]
        return places

    def states(self) -> tuple[SceneState, ...]:
        """Their names."""
        last = self.rounds[-1]
        named = [SceneState(state_name(k, last), k) for k in self.rounds]
        if self.seed is not None:
            named.append(SceneState("Reference (retrained)", None, "reference"))
        if self.beside is not None:
            spec = self.beside.spec
            title = f"{spec.method.word}, seed {spec.seed}"
            named += [SceneState(f"{title}: round {k}", k, "other") for k in self.beside.rounds()]
        return tuple(named)

    def rows(self) -> np.ndarray:
        """(m,) rows of the probe that are drawn."""
        return choose_points(self.view.probe()["group"].to_numpy(), self.limit)


def samples_of(shown: Shown) -> SceneSamples:
    """Who is drawn, with what the model says of them at every state."""
    rows = shown.rows()
    probe = shown.view.probe().iloc[rows]
    label = probe["label"].to_numpy()

    def arrays(name: str, missing: Any) -> list[np.ndarray]:
        found = [recorded_array(view, name, number, seed) for view, number, seed in shown.places()]
        return [missing if array is None else array[rows] for array in found]

    nothing = np.full(len(rows), np.nan)
    top3_class = arrays("top3_class", np.full((len(rows), 3), -1))
    return SceneSamples(
        row=rows,
        sample=probe["sample"].to_numpy(),
        test=(probe["split"] == "test").to_numpy(),
        group=probe["group"].map(GROUPS.index).to_numpy(),
        label=label,
        truth=probe["true_label"].to_numpy() if "true_label" in probe else label,
        classes=shown.classes,
        states=shown.states(),
        prediction=[classes[:, 0] for classes in top3_class],
        top3_class=top3_class,
        top3=arrays("top3", np.full((len(rows), 3), np.nan)),
        loss=arrays("loss", nothing),
        cosine=[_cosine(*place)[rows] for place in shown.places()],
        boundary=[_boundary(*place)[rows] for place in shown.places()],
    )


def boundary_scene(shown: Shown) -> Scene:
    """Distance to the decision boundary against the turn since round 0: both exact, nothing is projected."""
    rows = shown.rows()
    coordinates = [
        np.column_stack([_boundary(*place)[rows], _cosine(*place)[rows]]).astype(np.float32) for place in shown.places()
    ]
    title, label = boundary_words(shown.view)
    across = _axis(coordinates, 0, label, title, mark=0.0, mark_title="decision boundary")
    upward = _axis(coordinates, 1, "Cosine to own round-0 embedding", "Cosine to round 0", high=1.0)
    return Scene("boundary", (across, upward), shown.states(), coordinates)


@dataclass(frozen=True)
class PairView:
    """The plane of two classes.

    Attributes:
        scene: what is drawn.
        explained: share of the variance within the boundary that the vertical axis shows, per state.
    """

    scene: Scene
    explained: list[float | None]


def pair_view(shown: Shown, first: int, second: int) -> PairView | None:
    """The boundary between two classes, exact across it; None where the last layer was not recorded."""
    rows = shown.rows()
    coordinates: list[np.ndarray] = []
    explained: list[float | None] = []
    directions: dict[str, np.ndarray] = {}
    for view, number, seed in shown.places():
        # A reference has axes of its own; rounds of a run share the direction of its round 0, in its own space.
        plane = _plane(view, number, seed, first, second, directions.get(view.run_id) if seed is None else None)
        if plane is None and view is not shown.view:
            coordinates.append(np.full((len(rows), 2), np.nan, np.float32))
            explained.append(None)
            continue
        if plane is None:
            return None
        if seed is None:
            directions.setdefault(view.run_id, plane.direction)
        coordinates.append(np.column_stack([plane.across[rows], plane.along[rows]]).astype(np.float32))
        explained.append(plane.explained)
    one, other = (class_name(shown.classes, label) for label in (first, second))
    title = f"Signed distance: {other} ← 0 → {one}"
    across = _axis(coordinates, 0, title, "Signed distance", 0.0, f"{one} or {other}")
    upward = _axis(coordinates, 1, "First principal axis within the boundary", "Within the boundary")
    return PairView(Scene(f"pair {first} {second}", (across, upward), shown.states(), coordinates), explained)


def preview_scene(shown: Shown) -> Scene:
    """The principal axes that every run records: there at once, while a better picture is being drawn."""
    rows = shown.rows()
    nowhere = np.full((len(rows), 2), np.nan, np.float32)
    coordinates = []
    for view, number, seed in shown.places():
        # A second run recorded places on the axes of its own round 0, which may be others.
        places = recorded_array(view, "coordinates", number, seed) if view is shown.view else None
        coordinates.append(nowhere if places is None else places[rows])
    axes = [_axis(coordinates, k, f"Principal axis {k + 1}", f"Axis {k + 1}") for k in range(2)]
    return Scene("preview", tuple(axes), shown.states(), coordinates, equal=True)


def picture_scene(shown: Shown, name: str, picture: Picture) -> Scene:
    """A stored picture; states that it does not hold yet are empty."""
    rows = shown.rows()
    known = {(m["kind"], m["run"], m["number"]): k for k, m in enumerate(picture.manifest["moments"])}
    size = picture.coordinates.shape[2]
    coordinates, stray = [], []
    for state, (view, number, seed) in zip(shown.states(), shown.places(), strict=True):
        place = known.get((state.kind, view.run_id, seed if number is None else number))
        nowhere = np.full((len(rows), size), np.nan, np.float32)
        coordinates.append(nowhere if place is None else picture.coordinates[place][rows])
        stray.append(np.zeros(len(rows), bool) if place is None else picture.stray[place][rows])
    axes = [_axis(coordinates, k, title, f"Axis {k + 1}") for k, title in enumerate(picture.manifest["axes"])]
    return Scene(name, tuple(axes), shown.states(), coordinates, equal=True, stray=stray)


def _boundary(view: RunView, number: int | None, seed: int | None) -> np.ndarray:
    found = boundary_of(view, number, seed)
    return np.full(len(view.probe()), np.nan, np.float32) if found is None else found


def _cosine(view: RunView, number: int | None, seed: int | None) -> np.ndarray:
    """Of a reference after the best rotation onto round 0; NaN where that was not recorded."""
    found = recorded_array(view, "cosine_to_start" if number is not None else "aligned_cosine", number, seed)
    return np.full(len(view.probe()), np.nan, np.float32) if found is None else found


def _plane(
    view: RunView, number: int | None, seed: int | None, first: int, second: int, direction: np.ndarray | None
) -> ClassPlane | None:
    head, embedding = (recorded_array(view, name, number, seed) for name in ("head", "embedding"))
    manifest = view.manifest(number) if number is not None else view.reference_manifest(_known(seed))
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
) -> SceneAxis:
    """An axis that holds every state."""
    values = np.concatenate([state[:, place] for state in coordinates])
    values = values[np.isfinite(values)]
    low, top = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if mark is not None:
        low, top = min(low, mark), max(top, mark)
    top = top if high is None else high
    room = EDGE * ((top - low) or 1.0)
    return SceneAxis(title, short, low - room, top + room, mark, mark_title)


def _known(seed: int | None) -> int:
    if seed is None:
        raise ValueError("a reference is named by its seed")
    return seed
