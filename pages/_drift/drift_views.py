"""The views of the Drift page: which picture is wanted, how it is drawn, and how far it can be trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cu_core.analysis.scenes import Shown, boundary_unit, boundary_words
from cu_core.base.display_text import counted
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.figures.fidelity_numbers import sentence
from cu_core.figures.scene import Scene
from cu_core.figures.theme import GROUPS, class_name
from cu_core.projections import service
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import Picture, read_picture, read_picture_manifest
from cu_core.runstore.reader import list_runs, open_run
from pages._drift.drift_scenes import boundary_scene, pair_view, picture_scene, preview_scene
from pages._drift.fidelity_strip import exact_strip, fidelity_strip
from pages._frame.notices import say
from pages._frame.run_picker import run_label
from pages._shared.number_words import duration
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import probe_of
from pages._shared.server_home import home

VIEWS = {"boundary": "Boundary", "map": "Map", "linear": "Linear", "other": "Other methods"}
POLL_SECONDS = 1.0
CHANGES = {"head": "The last layer", "centroid": "The plane half-way between the classes' centroids"}
"""What draws the boundary, and moves with the rounds."""

OWN = -1
MOST_OFFERED = 100
"""Runs of the same data and forget set that are looked at for a comparison, newest first."""


@dataclass(frozen=True)
class Chosen:
    """A view that can be drawn.

    Attributes:
        scene: what is drawn.
        exact: what its axes are, for a view without a projection; empty for others.
        record: its fidelity record; None for exact views and while it is worked out.
        notes: sentences that a reader of the picture needs.
        picture: the stored picture behind it, for numbers of single samples.
    """

    scene: Scene
    exact: str = ""
    record: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    picture: Picture | None = None

    def strip(self, shown: int) -> None:
        """Says how far to trust it."""
        if self.exact:
            exact_strip(self.exact)
        elif self.record is not None and self.picture is not None:
            moments = self.picture.manifest["moments"]
            fidelity_strip(self.record, shown, [m["number"] for m in moments if m["kind"] == "round"])
        for note in self.notes:
            st.caption(note)


def pick_view() -> str:
    """Draws the choice of views; the exact one comes first."""
    return str(
        st.segmented_control(
            "View",
            list(VIEWS),
            format_func=VIEWS.__getitem__,
            default="boundary",
            required=True,
            key="view",
            bind="query-params",
            width="content",
            label_visibility="collapsed",
            help="Boundary: exact numbers, no projection. Map: one neighbour map for all rounds. Linear: straight "
            "axes, right at once. Other methods: what others use, with what it gets wrong.",
        )
    )


def pick_beside(run_id: str) -> str:
    """Draws the choice of a second run that recorded the same samples; empty for none."""
    listed = {row.run_id: row for row in list_runs(home())}
    mine = listed.get(run_id)
    if mine is None:
        return ""
    alike = [
        row
        for row in listed.values()
        if row.rounds and row.run_id != run_id and (row.dataset, row.forget) == (mine.dataset, mine.forget)
    ]
    wanted = _probe_digest(str(home().root), run_id)
    found = [row.run_id for row in alike[:MOST_OFFERED] if _probe_digest(str(home().root), row.run_id) == wanted]
    if not found:
        return ""
    return str(
        st.selectbox(
            "Beside another run",
            ["", *found],
            format_func=lambda other: run_label(listed[other]) if other else "None",
            key="beside",
            bind="query-params",
            width=320,
            help="Runs that recorded the same samples and forgot the same ones: other methods, other seeds.",
        )
        or ""
    )


@st.cache_data(max_entries=1024, show_spinner=False)
def _probe_digest(root: str, run_id: str) -> str:
    """Which samples a run recorded; equal for runs that can be drawn on one map."""
    try:
        probe = open_run(home(), run_id).probe()
    except BadInput:
        return ""
    groups = probe["group"].map(GROUPS.index).to_numpy(np.int8)
    parts = (probe["sample"].to_numpy(np.int64), (probe["split"] == "test").to_numpy(), groups)
    return hashlib.blake2b(b"".join(part.tobytes() for part in parts), digest_size=12).hexdigest()


def choose(name: str, shown: Shown, row: DeltaGenerator, more: DeltaGenerator) -> Chosen:
    """Draws the options of a view and returns what to draw; says here how far a picture is that is not there yet.

    Args:
        name: of the view.
        shown: the run and its rounds.
        row: where the choice of method stands.
        more: where the rarer options stand.
    """
    if name == "boundary":
        return _boundary(shown, more)
    method, axes, still = _options(name, row, more)
    beside = shown.beside.run_id if shown.beside else ""
    request = MapRequest(shown.view.run_id, beside, method, axes, still)
    picture = _current(request, shown)
    if picture is None:
        return Chosen(preview_scene(shown), notes=[_preview_words(shown)])
    if not picture.manifest["placeable"]:
        shown = replace(shown, seed=None)
    scene = picture_scene(shown, f"{name} {method} {axes} {still}", picture)
    return Chosen(scene, record=picture.manifest["fidelity"], notes=_notes(shown, request, picture), picture=picture)


def _boundary(shown: Shown, more: DeltaGenerator) -> Chosen:
    kind = "centroid" if shown.view.spec.self_supervised else "head"
    labels = sorted(int(label) for label in probe_of(shown.view)["label"].unique())
    with more:
        first = _pick_class("Boundary of", "Own class", labels, shown.classes, "pair_0")
        second = _pick_class("against", "Strongest other", labels, shown.classes, "pair_1")
    if first != OWN and second != OWN and first != second:
        pair = pair_view(shown, first, second)
        if pair is None:
            st.info("No round that can be shown has the last layer, so the plane of two classes is not known.",
                    icon=":material/info:")  # fmt: skip
        else:
            share = pair.explained[0]
            held = "" if share is None else f", which holds {share:.0%} of it before unlearning"
            return Chosen(
                pair.scene,
                exact="Left to right is the signed distance to the boundary of the two classes. "
                f"{CHANGES[kind]} is each round's own. Bottom to top is the widest spread within that boundary{held}; "
                "it changes no class.",
            )
    elif (first == OWN) != (second == OWN) or (first != OWN and first == second):
        st.caption("Choose two different classes for the plane between them.")
    title, axis = boundary_words(shown.view)
    unit = boundary_unit(shown.view) or f"{axis[0].lower()}{axis[1:]}"
    words = (
        f"Left to right: {title.lower()} ({unit}), 0 is the decision boundary in every round. "
        f"Bottom to top: cosine of each sample's embedding to its own at round 0. {CHANGES[kind]} changes with the "
        "rounds, too, so a sample may cross although its embedding rests."
    )
    notes = []
    if shown.seed is not None:
        residual = (shown.view.reference_manifest(shown.seed).get("fidelity") or {}).get("procrustes_residual")
        if residual is not None:
            notes.append(
                "The reference's distances are its own and exact. Its cosines are after the best rotation onto round "
                f"0 over retain samples, which leaves {residual:.0%} of their spread unexplained."
            )
    return Chosen(boundary_scene(shown), exact=words, notes=notes)


def _pick_class(title: str, none: str, labels: list[int], names: tuple[str, ...], key: str) -> int:
    """Draws the choice of one side of a boundary: a class, or `OWN`."""
    return st.selectbox(
        title,
        [OWN, *labels],
        format_func=lambda label: none if label == OWN else class_name(names, label),
        key=key,
        width=220,
        help="Own class: the label against the strongest other class of each sample. Two classes: the plane "
        "between these two, and the widest spread along it.",
    )


def _projection_title(name: str) -> str:
    return PROJECTIONS[name].title


def _axes_title(name: str) -> str:
    return PROJECTIONS[name].title.removesuffix(" of round 0")


def _options(name: str, row: DeltaGenerator, more: DeltaGenerator) -> tuple[str, int, bool]:
    """Method, number of axes, and whether common motion is taken out."""
    method = "reference-map"
    with row:
        if name == "linear":
            method = st.segmented_control(
                "Axes", [p.id for p in PROJECTIONS.values() if p.linear], format_func=_axes_title,
                default="principal", required=True, key="linear_axes", bind="query-params",
                label_visibility="collapsed",
            )  # fmt: skip
        if name == "other":
            method = st.selectbox(
                "Method", [p.id for p in PROJECTIONS.values() if not p.placeable], format_func=_projection_title,
                key="other_method", bind="query-params", label_visibility="collapsed",
                width=260,
            )  # fmt: skip
    with more:
        solid = st.toggle("3-D", key="solid", bind="query-params")
        still = st.toggle(
            "Take out common motion",
            key="still",
            bind="query-params",
            help="First turns each round onto round 0 by the rotation that fits the retain samples best (orthogonal "
            "Procrustes, in all dimensions). What remains is motion that the model as a whole does not share. A sample "
            "that did not move may then seem to, because the others did.",
        )
    return str(method), 3 if solid else 2, bool(still)


def _current(request: MapRequest, shown: Shown) -> Picture | None:
    """The stored picture; asks for it, or for what is new on it, and says how far that is."""
    picture = read_picture(home(), request)
    wanting = picture is None or _lacks(picture, shown)
    try:
        status = service.status(home(), request)
        # What went wrong may be over once there are other rounds.
        failed = status.state == "failed" and status.seen == _count(shown)
        if wanting and not failed:
            service.ask(home(), request)
        drawing = service.status(home(), request)
    except UnlearnscopeError as error:
        st.error(f"This picture cannot be drawn: {plain(error)}", icon=":material/error:")
        return picture
    if drawing.state == "failed":
        # Unless it has been drawn since, from the command line.
        if wanting:
            st.error(f"This picture cannot be drawn: {plain(drawing.message)}", icon=":material/error:")
            st.button("Try again", key="draw_again", on_click=_ask, args=(request,))
    elif drawing.state != "none":
        st.fragment(run_every=POLL_SECONDS)(_watch)(request, picture.stamp if picture else "")
    return picture


def _ask(request: MapRequest, refit: bool = False) -> None:
    """Callback: has the picture drawn again."""
    try:
        service.ask(home(), request, refit=refit)
    except UnlearnscopeError as error:
        say(error)


def _count(shown: Shown) -> int:
    return len(shown.rounds) + (len(shown.beside.rounds()) if shown.beside else 0)


def _lacks(picture: Picture, shown: Shown) -> bool:
    """Whether rounds or references were recorded since."""
    if not picture.manifest["whole"]:
        return True
    have = {(m["kind"], m["run"], m["number"]): m["sha256"] for m in picture.manifest["moments"]}
    want = {("round", shown.view.run_id, k): shown.view.manifest(k) for k in shown.rounds}
    if shown.beside is not None:
        want |= {("other", shown.beside.run_id, k): shown.beside.manifest(k) for k in shown.beside.rounds()}
    if picture.manifest["placeable"]:
        want |= {("reference", shown.view.run_id, k): shown.view.reference_manifest(k) for k in shown.view.references()}
    return any(have.get(moment) != manifest["arrays"]["embedding"]["sha256"] for moment, manifest in want.items())


def _watch(request: MapRequest, had: str) -> None:
    """Follows a drawing; draws the page again when there is something new to see."""
    try:
        drawing = service.status(home(), request)
    except UnlearnscopeError:
        st.rerun()  # which says why
    manifest = read_picture_manifest(request.folder(home()))
    now = str(manifest["file"]) if manifest else ""
    if drawing.state in ("none", "failed") or now != had:
        st.rerun()
    left = "" if drawing.expected is None else f", about {duration(max(1.0, drawing.expected - drawing.seconds))} left"
    share = 0.0 if not drawing.expected else min(0.98, drawing.seconds / drawing.expected)
    st.progress(
        share, text=f"{PROJECTIONS[request.method].title}: {plain(drawing.message)} ({duration(drawing.seconds)}{left})"
    )


def _preview_words(shown: Shown) -> str:
    """What the picture is that stands in, and how faithful it is in the rounds."""
    rounds = [shown.view.manifest(number).get("fidelity", {}) for number in shown.rounds]
    known = [n["trustworthiness"] for n in rounds if n.get("trustworthiness") is not None]
    how = f" Their trustworthiness is {np.mean(known):.2f} on average, {min(known):.2f} at worst." if known else ""
    return f"Principal axes of round 0, as every run records them, until the picture asked for is there.{how}"


def _notes(shown: Shown, request: MapRequest, picture: Picture) -> list[str]:
    manifest = picture.manifest
    notes = [f"{manifest['warning']} (docs/drift-methods.md says on what.)"] if manifest["warning"] else []
    if manifest["explained"]:
        what = "of the variance between the classes" if request.method == "discriminant" else "of the variance"
        notes.append(f"The axes hold {sum(manifest['explained']):.0%} {what} of round 0.")
    own = [k for k, moment in enumerate(manifest["moments"]) if moment["kind"] == "round"]
    removed = manifest["removed"][own[-1]] if manifest["removed"] and own else None
    if removed is not None:
        notes.append(
            f"A rotation of the retain samples was taken out of every round: {removed:.0%} of their mean motion in "
            "the last one."
        )
    if manifest["beside_fidelity"]:
        notes.append(f"Of the second run: {sentence(manifest['beside_fidelity'])}")
    for moment in manifest["moments"]:
        if moment["kind"] == "reference" and moment["number"] == shown.seed:
            notes.append(
                "The reference is shown after the best rotation onto round 0 over retain samples, which leaves "
                f"{moment['residual']:.0%} of their spread unexplained."
            )
    turned = [m["residual"] for m in manifest["moments"] if m["kind"] == "other" and "residual" in m]
    if turned:
        notes.append(
            "The second run starts from another base model. It is shown after the best rotation of its round 0 onto "
            f"this run's, which leaves {turned[0]:.0%} of the retained spread unexplained."
        )
    if shown.view.references() and not manifest["placeable"]:
        notes.append("This method draws all rounds at once and cannot place a model from elsewhere: no reference.")
    films = [k for k, moment in enumerate(manifest["moments"]) if moment["kind"] != "reference"]
    strays = int(picture.stray[films].any(0).sum())
    if strays:
        notes.append(f"Ringed where the map has no reference, in some round: {counted(strays, 'sample')}.")
    later = [m["number"] for m in manifest["moments"] if m["kind"] == "round" and not m.get("fitted")]
    if later:
        notes.append(
            f"The map rests on the rounds before {min(later)}; later ones were placed on it without moving a point."
        )
    return notes


def offer_refit(chosen: Chosen) -> None:
    """Offers to draw a map again that rests on some of the rounds only."""
    if chosen.picture is None or all(m.get("fitted") for m in chosen.picture.manifest["moments"]):
        return
    request = MapRequest(**chosen.picture.manifest["request"])
    st.button(
        "Fit again on all rounds",
        key="refit",
        icon=":material/refresh:",
        help="Every point moves to its place on the new map.",
        on_click=_ask,
        args=(request, True),
    )
