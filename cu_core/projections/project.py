"""Projects the embeddings of all rounds with one method, and measures the fidelity."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.registry import imported
from cu_core.catalogue.projection_record import PROJECTIONS, projection
from cu_core.projections.common_motion import remove_motion as without_common_motion
from cu_core.projections.fidelity import measure
from cu_core.projections.linear_axes import Basis, fit_basis, fit_discriminant
from cu_core.projections.reference_map import FEWEST, ReferenceMap, fit_reference_map


@dataclass(frozen=True)
class ProjectedRounds:
    """A picture of the same n samples in several rounds.

    Attributes:
        method: one of `cu_core.catalogue.projection_record.PROJECTIONS`.
        coordinates: per round (n, n_components) float32.
        fidelity: see `cu_core.projections.fidelity.measure`.
        stray: per round (n,) bool, samples that lie where the map has no reference; never for other methods.
        axes: titles of the axes.
        removed: per round the share of common motion that was taken out first; empty where none was asked for.
        settings: what the picture depends on, for people who want to make it again.
        fitted: what places further rounds; None for methods that cannot.
    """

    method: str
    coordinates: list[np.ndarray]
    fidelity: dict[str, Any]
    stray: list[np.ndarray]
    axes: tuple[str, ...]
    removed: list[float | None] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    fitted: ReferenceMap | Basis | None = None


def project(
    rounds: Sequence[np.ndarray],
    *,
    forget: np.ndarray | None = None,
    method: str = "reference-map",
    n_components: int = 2,
    seed: int = 0,
    remove_motion: bool = False,
    labels: np.ndarray | None = None,
    predictions: Sequence[np.ndarray] | None = None,
    ground: Sequence[np.ndarray] = (),
) -> ProjectedRounds:
    """Projects the embeddings of several rounds together.

    The order of the samples plays no part: permuting them permutes the coordinates.

    Args:
        rounds: (n, d) embeddings, one array per round, the same samples in the same order.
        forget: (n,) bool, the forget set; helps to choose what the map shows well, and is measured apart.
        method: one of `cu_core.catalogue.projection_record.PROJECTIONS`.
        n_components: 2 or 3.
        seed: of everything that is drawn.
        remove_motion: takes out first what a rotation of all retained samples explains.
        labels: (n,) classes; needed for ``"discriminant"``.
        predictions: per round (n,) predicted classes; with them the agreement at boundaries is measured.
        ground: more embeddings (n, d) of the same samples, such as a retrained model's, that ``"reference-map"`` shall
            have room for; they are neither drawn nor measured.

    Returns:
        The picture. An embedding that is exactly what it was in another round has exactly the same place there, for
        ``"reference-map"``, ``"principal"`` and ``"discriminant"``.

    Raises:
        BadInput: arrays that do not fit together, numbers that are not finite, or an unknown method.
    """
    arrays, mask = _checked(rounds, forget, method, n_components, labels)
    more, _ = _checked([rounds[0], *ground], forget, method, n_components, labels)
    began = time.perf_counter()
    order = _canonical(arrays, mask)
    back = np.argsort(order)
    arrays = [array[order] for array in arrays]
    mask = None if mask is None else mask[order]
    full, removed = without_common_motion(arrays, mask) if remove_motion else (arrays, [])
    classes = None if labels is None else np.asarray(labels)[order]
    places, stray, fitted = _place(method, full, mask, n_components, seed, classes, [e[order] for e in more[1:]])
    predicted = None if predictions is None else [np.asarray(classes)[order] for classes in predictions]
    fidelity = measure(full, places, forget=mask, seed=seed, predictions=predicted)
    return ProjectedRounds(
        method=method,
        coordinates=[place[back] for place in places],
        fidelity=fidelity,
        stray=[flags[back] for flags in stray],
        axes=PROJECTIONS[method].axis_titles(n_components),
        removed=removed,
        settings={
            "seed": seed,
            "samples": len(order),
            "rounds": len(arrays),
            "reference_rows": len(fitted.rows.owner) if isinstance(fitted, ReferenceMap) else None,
            "seconds": time.perf_counter() - began,
        },
        fitted=_reordered(fitted, order),
    )


def _place(
    method: str,
    rounds: list[np.ndarray],
    forget: np.ndarray | None,
    n_components: int,
    seed: int,
    labels: np.ndarray | None,
    ground: list[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray], ReferenceMap | Basis | None]:
    nowhere = [np.zeros(len(rounds[0]), bool) for _ in rounds]
    if method == "reference-map":
        fitted = fit_reference_map([*rounds, *ground], forget, n_components, seed)
        placed = _place_changed(fitted, rounds)
        return [place for place, _ in placed], [stray for _, stray in placed], fitted
    if (place_rounds := projection(method).place_rounds) is not None:
        return imported(place_rounds)(rounds, n_components, seed), nowhere, None
    if method == "principal":
        basis = fit_basis(rounds[0], n_components)
    else:
        assert labels is not None
        basis = fit_discriminant(rounds[0], labels, n_components)
    return [basis.place(embedding) for embedding in rounds], nowhere, basis


def _place_changed(fitted: ReferenceMap, rounds: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places what is not as it was in the round before; the rest has its place already."""
    everyone = np.arange(len(rounds[0]))
    placed = [fitted.place(rounds[0], everyone)]
    for before, now in zip(rounds, rounds[1:], strict=False):
        changed = np.flatnonzero((now != before).any(1))
        place, stray = (part.copy() for part in placed[-1])
        if len(changed):
            place[changed], stray[changed] = fitted.place(now[changed], changed)
        placed.append((place, stray))
    return placed


def _checked(
    rounds: Sequence[np.ndarray],
    forget: np.ndarray | None,
    method: str,
    n_components: int,
    labels: np.ndarray | None,
) -> tuple[list[np.ndarray], np.ndarray | None]:
    projection(method)
    if n_components not in (2, 3):
        raise BadInput("n_components", f"{n_components} axes cannot be drawn", ("2", "3"))
    arrays = [np.asarray(array) for array in rounds]
    if not arrays:
        raise BadInput("rounds", "there is none", ("one (n, d) array per round",))
    shape = arrays[0].shape
    if len(shape) != 2 or any(array.shape != shape for array in arrays):
        found = ", ".join(str(array.shape) for array in arrays)
        raise BadInput("rounds", f"shapes {found} are not those of the same samples", ("(n, d) in every round",))
    if shape[0] < FEWEST or shape[1] < 1:
        raise BadInput("rounds", f"{shape[0]} samples of {shape[1]} dimensions make no picture", (f"{FEWEST} or more",))
    # Half precision would lose in sums what it holds in values; others are kept as exact as they came.
    arrays = [array if array.dtype in (np.float32, np.float64) else array.astype(np.float32) for array in arrays]
    for number, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise BadInput("rounds", f"round {number} has embeddings that are not finite numbers")
    mask = None if forget is None else np.asarray(forget)
    if mask is not None and (mask.shape != shape[:1] or mask.dtype != bool):
        raise BadInput("forget", f"{mask.dtype} {mask.shape} is no mask of {shape[0]} samples", ("(n,) bool",))
    if mask is not None and mask.all():
        mask = None  # nobody is retained to compare with
    if method == "discriminant" and (labels is None or len(np.unique(labels)) < 2 or len(labels) != shape[0]):
        raise BadInput("labels", "discriminant axes need the class of each sample, at least two of them")
    return arrays, mask


def _canonical(rounds: list[np.ndarray], forget: np.ndarray | None) -> np.ndarray:
    """An order of the samples that follows from what they are, not from where they stood, nor from a rotation.

    By distance from the middle in round 0; among equals by their later distances, and by belonging.
    """
    distances = []
    for array in rounds:
        middle = array.mean(0, dtype=np.float64)
        distances.append(np.linalg.norm(array - middle, axis=1))
    later = np.zeros(len(distances[0]))
    for number, distance in enumerate(distances[1:], start=2):
        later += number * distance
    belongs = np.zeros(len(later)) if forget is None else forget
    return np.lexsort((belongs, later, distances[0]))


def _reordered(fitted: ReferenceMap | Basis | None, order: np.ndarray) -> ReferenceMap | Basis | None:
    """The map with the owners of its rows named as the caller names them."""
    return fitted.renamed(order) if isinstance(fitted, ReferenceMap) else fitted
