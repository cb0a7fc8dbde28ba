"""Computes and extends projections: fits once, then transforms later rounds without moving earlier ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.files import plain
from cu_core.base.home import Home
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.figures.thinning import choose_points
from cu_core.projections.content import Content, Part, read_content
from cu_core.projections.fidelity import fidelity, measure, neighbours_kept
from cu_core.projections.fitted import read_fitted, write_fitted
from cu_core.projections.linear_axes import Basis
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import Picture, read_picture, write_picture
from cu_core.projections.project import project
from cu_core.projections.reference_map import ReferenceMap

MOST_KEPT = 2000
"""Samples of which the share of kept neighbours is measured, among each other; time grows with the square."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Drawn:
    """States of the samples with their coordinates, and what a manifest says of them all."""

    parts: list[Part]
    coordinates: list[np.ndarray]
    stray: list[np.ndarray]
    about: dict[str, Any]


def draw(home: Home, request: MapRequest, *, refit: bool = False, tell: Tell = lambda _: None) -> bool:
    """Makes a picture, or brings it up to date.

    Args:
        home: where runs and pictures live.
        request: which picture.
        refit: fit anew on all rounds, which moves every point, instead of placing what is new.
        tell: hears what is being done.

    Returns:
        Whether it was fitted anew.

    Raises:
        BadInput: nothing to draw; see `read_content` and `cu_core.projections.project.project`.
    """
    began = time.perf_counter()
    tell("reading the rounds")
    content = read_content(home, request)
    old = None if refit else read_picture(home, request)
    if old is not None and _is_current(old, content):
        return False
    name = f"{time.time_ns():x}-{os.getpid()}"
    drawn = None if old is None else _placed_on_the_old(home, request, content, old)
    fits = drawn is None
    if drawn is None:
        tell(f"fitting {len(content.rounds)} rounds of {len(content.forget):,} samples")
        drawn = _fit(request.folder(home) / f"fitted-{name}.npz", request, content)
    kept = np.full((len(drawn.parts), len(content.forget)), np.nan, np.float16)
    arrays = {
        "coordinates": np.stack(drawn.coordinates),
        "stray": np.stack(drawn.stray),
        "kept": kept,
        "moved": _moved(drawn.parts),
    }
    about = drawn.about | {
        "moments": [part.name for part in drawn.parts],
        "request": request.to_json(),
        "removed": content.removed,
        "seconds": time.perf_counter() - began,
        "whole": False,
    }
    folder = request.folder(home)
    # People see the picture while the slowest of its numbers is being worked out.
    write_picture(folder, plain(about), arrays, f"picture-{name}.npz")
    tell("comparing neighbours sample by sample")
    rows = choose_points(np.where(content.forget, "forget", "retain"), MOST_KEPT)
    known = {} if fits or old is None else {_identity(n): k for k, n in enumerate(old.manifest["moments"])}
    for k, (part, place) in enumerate(zip(drawn.parts, drawn.coordinates, strict=True)):
        before = known.get(_identity(part.name))
        if old is not None and before is not None and not np.isnan(old.kept[before]).all():
            kept[k] = old.kept[before]
        else:
            kept[k, rows] = neighbours_kept(part.embedding[rows], place[rows])
    write_picture(folder, plain(about | {"whole": True}), arrays, f"picture-{name}-whole.npz")
    return fits


def _moved(parts: list[Part]) -> np.ndarray:
    starts: dict[str, np.ndarray] = {}
    for part in parts:
        starts.setdefault(part.name["run"], part.embedding)
    gaps = [part.embedding.astype(np.float64) - starts[part.name["run"]] for part in parts]
    return np.stack([np.sqrt(np.einsum("nd,nd->n", gap, gap)) for gap in gaps]).astype(np.float32)


def _is_current(old: Picture, content: Content) -> bool:
    have = {_identity(name) for name in old.manifest["moments"]}
    placeable = old.manifest["placeable"]
    now = [*content.rounds, *(content.references if placeable else [])]
    return bool(old.manifest["whole"]) and have == {_identity(part.name) for part in now}


def _fit(path: Path, request: MapRequest, content: Content) -> _Drawn:
    own, others = _films(content.rounds)
    # Methods that place nothing fit both runs as one film, and leave a model from elsewhere out.
    placeable = PROJECTIONS[request.method].placeable
    film = own if placeable else content.rounds
    rest = [*others, *content.references] if placeable else []
    found = project(
        [part.embedding for part in film],
        forget=content.forget,
        method=request.method,
        n_components=request.n_components,
        seed=request.seed,
        labels=content.labels,
        predictions=[part.prediction for part in film],
        ground=[part.embedding for part in rest],
    )
    coordinates, stray = list(found.coordinates), list(found.stray)
    if found.fitted is not None:
        write_fitted(path, found.fitted)
        for part in rest:
            place, flags = _place(found.fitted, part)
            coordinates.append(place)
            stray.append(flags)
    parts = [Part(part.name | {"fitted": True}, part.embedding, part.prediction) for part in [*film, *rest]]
    about = _worth(parts, coordinates, content.forget, request.seed, found.fidelity if film is own else None) | {
        "axes": found.axes,
        "explained": list(found.fitted.explained) if isinstance(found.fitted, Basis) else None,
        "warning": PROJECTIONS[request.method].warning,
        "placeable": placeable,
        "fitted_file": path.name if placeable else None,
        "settings": found.settings,
    }
    return _Drawn(parts, coordinates, stray, about)


def _films(rounds: list[Part]) -> tuple[list[Part], list[Part]]:
    """Rounds of the run, and of the one beside it."""
    return [p for p in rounds if p.name["kind"] == "round"], [p for p in rounds if p.name["kind"] == "other"]


def _worth(
    parts: list[Part],
    coordinates: list[np.ndarray],
    forget: np.ndarray,
    seed: int,
    known: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The fidelity records: of each run's rounds as a film of its own, and of the references."""

    def of(kind: str) -> dict[str, Any] | None:
        film = [k for k, part in enumerate(parts) if part.name["kind"] == kind]
        if not film:
            return None
        return measure(
            [parts[k].embedding for k in film],
            [coordinates[k] for k in film],
            forget=forget,
            seed=seed,
            predictions=[parts[k].prediction for k in film],
        )

    references = [k for k, part in enumerate(parts) if part.name["kind"] == "reference"]
    return {
        "fidelity": of("round") if known is None else known,
        "beside_fidelity": of("other"),
        "reference_fidelity": [fidelity(parts[k].embedding, coordinates[k]) for k in references],
    }


def _placed_on_the_old(home: Home, request: MapRequest, content: Content, old: Picture) -> _Drawn | None:
    """The old picture with what is new placed on it; None where it has to be fitted anew."""
    have = {_identity(name): k for k, name in enumerate(old.manifest["moments"])}
    rests_on = {_identity(name) for name in old.manifest["moments"] if name.get("fitted")}
    fitted = read_fitted(request.folder(home) / str(old.manifest.get("fitted_file")))
    now = [*content.rounds, *content.references]
    # A round that was done again, after a crash, is another one, and the map no longer rests on it.
    if fitted is None or rests_on - {_identity(part.name) for part in now}:
        return None
    parts, coordinates, stray = [], [], []
    for part in now:
        known = have.get(_identity(part.name))
        if known is None:
            place, flags = _place(fitted, part)
        else:
            place, flags = old.coordinates[known], old.stray[known]
        mark = {"fitted": True} if _identity(part.name) in rests_on else {}
        parts.append(Part(part.name | mark, part.embedding, part.prediction))
        coordinates.append(place)
        stray.append(flags)
    about = dict(old.manifest) | _worth(parts, coordinates, content.forget, request.seed)
    return _Drawn(parts, coordinates, stray, about)


def _place(fitted: ReferenceMap | Basis, part: Part) -> tuple[np.ndarray, np.ndarray]:
    everyone = np.arange(len(part.embedding))
    if isinstance(fitted, ReferenceMap):
        return fitted.place(part.embedding, everyone)
    return fitted.place(part.embedding), np.zeros(len(everyone), bool)


def _identity(name: Mapping[str, Any]) -> tuple[Any, ...]:
    return name["kind"], name["run"], name["number"], name["sha256"]
