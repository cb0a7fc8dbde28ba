"""Draws the picture that is asked for: fits it once, then places rounds that came later without moving old ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from cu_core.home import Home
from cu_core.maps.content import Content, Part, read_content
from cu_core.maps.fitted import read_fitted, write_fitted
from cu_core.maps.linear import Basis
from cu_core.maps.names import OTHERS
from cu_core.maps.quality import fidelity, measure, neighbours_kept
from cu_core.maps.reference_map import ReferenceMap
from cu_core.maps.request import MapRequest
from cu_core.maps.stored import Picture, read_picture, write_picture
from cu_core.projection import project
from cu_core.runs.files import plain
from cu_core.thinning import choose_points

MOST_KEPT = 2000
"""Samples of which the share of kept neighbours is measured, among each other; time grows with the square."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Drawn:
    """Moments with their places, and what a manifest says of them all."""

    parts: list[Part]
    coordinates: list[np.ndarray]
    stray: list[np.ndarray]
    about: dict[str, Any]


def draw(home: Home, request: MapRequest, *, refit: bool = False, tell: Tell = lambda _: None) -> None:
    """Makes a picture, or brings it up to date.

    Args:
        home: where runs and pictures live.
        request: which picture.
        refit: fit anew on all rounds, which moves every point, instead of placing what is new.
        tell: hears what is being done.

    Raises:
        BadInput: nothing to draw; see `read_content` and `cu_core.projection.project`.
    """
    began = time.perf_counter()
    tell("reading the rounds")
    content = read_content(home, request)
    old = None if refit else read_picture(home, request)
    if old is not None and _is_current(old, content):
        return
    drawn = None if old is None else _placed_on_the_old(home, request, content, old)
    if drawn is None:
        tell(f"fitting {len(content.rounds)} rounds of {len(content.forget):,} samples")
        drawn = _fit(home, request, content)
    kept = np.full((len(drawn.parts), len(content.forget)), np.nan, np.float16)
    arrays = {"coordinates": np.stack(drawn.coordinates), "stray": np.stack(drawn.stray), "kept": kept}
    about = drawn.about | {
        "moments": [part.name for part in drawn.parts],
        "request": request.to_json(),
        "removed": content.removed,
        "seconds": time.perf_counter() - began,
        "whole": False,
    }
    folder, name = request.folder(home), f"picture-{time.time_ns():x}-{os.getpid()}"
    # People see the picture while the slowest of its numbers is being worked out.
    write_picture(folder, plain(about), arrays, f"{name}.npz")
    tell("comparing neighbours sample by sample")
    rows = choose_points(np.where(content.forget, "forget", "retain"), MOST_KEPT)
    for k, (part, place) in enumerate(zip(drawn.parts, drawn.coordinates, strict=True)):
        kept[k, rows] = neighbours_kept(part.embedding[rows], place[rows])
    write_picture(folder, plain(about | {"whole": True}), arrays, f"{name}-whole.npz")


def _is_current(old: Picture, content: Content) -> bool:
    have = {_identity(name) for name in old.manifest["moments"]}
    placeable = old.manifest["placeable"]
    now = [*content.rounds, *(content.references if placeable else [])]
    return bool(old.manifest["whole"]) and have == {_identity(part.name) for part in now}


def _fit(home: Home, request: MapRequest, content: Content) -> _Drawn:
    found = project(
        [part.embedding for part in content.rounds],
        forget=content.forget,
        method=request.method,
        n_components=request.n_components,
        seed=request.seed,
        labels=content.labels,
        predictions=[part.prediction for part in content.rounds],
        ground=[part.embedding for part in content.references],
    )
    coordinates, stray = list(found.coordinates), list(found.stray)
    # Methods that fit all rounds at once have no place for a model from elsewhere.
    references = content.references if found.fitted is not None else []
    if found.fitted is not None:
        write_fitted(request.folder(home), found.fitted)
        for part in references:
            place, flags = _place(found.fitted, part)
            coordinates.append(place)
            stray.append(flags)
    rounds = [Part(part.name | {"fitted": True}, part.embedding, part.prediction) for part in content.rounds]
    about = {
        "fidelity": found.fidelity,
        "reference_fidelity": _of_references(references, coordinates[len(rounds) :]),
        "axes": found.axes,
        "explained": list(found.fitted.explained) if isinstance(found.fitted, Basis) else None,
        "warning": import_module(OTHERS[request.method]).WARNING if request.method in OTHERS else "",
        "placeable": found.fitted is not None,
        "settings": found.settings,
    }
    return _Drawn([*rounds, *references], coordinates, stray, about)


def _placed_on_the_old(home: Home, request: MapRequest, content: Content, old: Picture) -> _Drawn | None:
    """The old picture with what is new placed on it; None where it has to be fitted anew."""
    have = {_identity(name): k for k, name in enumerate(old.manifest["moments"])}
    rests_on = {_identity(name) for name in old.manifest["moments"] if name.get("fitted")}
    fitted = read_fitted(request.folder(home))
    # A round that was done again, after a crash, is another one, and the map no longer rests on it.
    if fitted is None or rests_on - {_identity(part.name) for part in content.rounds}:
        return None
    parts, coordinates, stray = [], [], []
    for part in [*content.rounds, *content.references]:
        known = have.get(_identity(part.name))
        if known is None:
            place, flags = _place(fitted, part)
        else:
            place, flags = old.coordinates[known], old.stray[known]
        mark = {"fitted": True} if _identity(part.name) in rests_on else {}
        parts.append(Part(part.name | mark, part.embedding, part.prediction))
        coordinates.append(place)
        stray.append(flags)
    rounds = len(content.rounds)
    about = dict(old.manifest) | {
        "fidelity": measure(
            [part.embedding for part in content.rounds],
            coordinates[:rounds],
            forget=content.forget,
            seed=request.seed,
            predictions=[part.prediction for part in content.rounds],
        ),
        "reference_fidelity": _of_references(content.references, coordinates[rounds:]),
    }
    return _Drawn(parts, coordinates, stray, about)


def _place(fitted: ReferenceMap | Basis, part: Part) -> tuple[np.ndarray, np.ndarray]:
    everyone = np.arange(len(part.embedding))
    if isinstance(fitted, ReferenceMap):
        return fitted.place(part.embedding, everyone)
    return fitted.place(part.embedding), np.zeros(len(everyone), bool)


def _of_references(references: list[Part], places: list[np.ndarray]) -> list[dict[str, float | None]]:
    return [fidelity(part.embedding, place) for part, place in zip(references, places, strict=True)]


def _identity(name: Mapping[str, Any]) -> tuple[Any, ...]:
    return name["kind"], name["run"], name["number"], name["sha256"]
