"""Input of a projection: embeddings of the rounds of one or two runs and of their references."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.projections.common_motion import fit_rotation, remove_motion
from cu_core.projections.map_request import MapRequest
from cu_core.runstore.reader import RunView, open_run


@dataclass(frozen=True)
class Part:
    """The samples in one state of the model.

    Attributes:
        name: how a manifest names it (see `cu_core.projections.map_store.Picture`).
        embedding: (n, d) float32, in the space of the first run's round 0.
        prediction: (n,) int.
    """

    name: dict[str, Any]
    embedding: np.ndarray
    prediction: np.ndarray


@dataclass(frozen=True)
class Content:
    """Everything a picture needs.

    Attributes:
        rounds: states that the picture is fitted on: of the first run, then of the second.
        references: states that are only placed.
        forget: (n,) bool.
        labels: (n,) int.
        removed: share of common motion taken out, per round; empty where none was.
    """

    rounds: list[Part]
    references: list[Part]
    forget: np.ndarray
    labels: np.ndarray
    removed: list[float | None] = field(default_factory=list)


def read_content(home: Home, request: MapRequest) -> Content:
    """Reads what is recorded by now.

    Raises:
        BadInput: no such run, nothing recorded, or two runs that recorded other samples.
    """
    view = open_run(home, request.run)
    probe = view.probe()
    forget = (probe["group"] == "forget").to_numpy()
    rounds = _rounds(view, "round")
    if not rounds:
        raise BadInput("run", f"{request.run} has recorded no round yet")
    start = rounds[0].embedding
    anchor = np.flatnonzero((probe["group"] == "retain").to_numpy())
    if request.beside:
        rounds += _beside(open_run(home, request.beside), probe, rounds[0], anchor)
    removed: list[float | None] = []
    if request.remove_motion:
        turned, removed = remove_motion([part.embedding for part in rounds], _none_but(anchor, len(probe)))
        rounds = [Part(part.name, rows, part.prediction) for part, rows in zip(rounds, turned, strict=True)]
    return Content(rounds, _references(view, start, anchor), forget, probe["label"].to_numpy(), removed)


def _rounds(view: RunView, kind: str) -> list[Part]:
    return [
        _part(
            {"kind": kind, "run": view.run_id, "number": number},
            view.manifest(number),
            view.array(number, "embedding"),
            view.array(number, "top3_class"),
        )
        for number in view.rounds()
    ]


def _beside(view: RunView, probe: Any, first: Part, anchor: np.ndarray) -> list[Part]:
    other = view.probe()
    names = ["sample", "split", "group"]
    if len(other) != len(probe) or not (other[names].to_numpy() == probe[names].to_numpy()).all():
        raise BadInput("beside", f"{view.run_id} recorded other samples, or forgot others; there is no common map")
    rounds = _rounds(view, "other")
    if not rounds:
        raise BadInput("beside", f"{view.run_id} has recorded no round yet")
    if rounds[0].embedding.shape != first.embedding.shape:
        raise BadInput("beside", f"{view.run_id} has embeddings of another size; there is no common map")
    if rounds[0].name["sha256"] == first.name["sha256"]:
        return rounds  # the same base model: both live in one space already
    rotation = fit_rotation(rounds[0].embedding, first.embedding, anchor)
    return [
        Part(
            part.name | {"residual": rotation.residual},
            rotation.apply(part.embedding).astype(np.float32),
            part.prediction,
        )
        for part in rounds
    ]


def _references(view: RunView, start: np.ndarray, anchor: np.ndarray) -> list[Part]:
    parts = []
    for seed in view.references():
        embedding = np.asarray(view.reference_array(seed, "embedding"), np.float32)
        if embedding.shape != start.shape:
            continue
        rotation = fit_rotation(embedding, start, anchor)
        name = {"kind": "reference", "run": view.run_id, "number": seed, "residual": rotation.residual}
        prediction = view.reference_array(seed, "top3_class")
        parts.append(_part(name, view.reference_manifest(seed), rotation.apply(embedding), prediction))
    return parts


def _part(name: dict[str, Any], manifest: dict[str, Any], embedding: np.ndarray, top3_class: np.ndarray) -> Part:
    sha256 = manifest["arrays"]["embedding"]["sha256"]
    return Part(name | {"sha256": sha256}, np.asarray(embedding, np.float32), np.asarray(top3_class[:, 0], np.int64))


def _none_but(anchor: np.ndarray, total: int) -> np.ndarray:
    """(n,) bool: everybody but the anchors, who alone decide a rotation."""
    others = np.ones(total, bool)
    others[anchor] = False
    return others
