"""Recorded numbers of a run for its figures: per sample, class by class, and metrics over rounds."""

from __future__ import annotations

import numpy as np

from cu_core.analysis.scenes import recorded_array
from cu_core.catalogue.objective_record import objective
from cu_core.figures.curves import RunCurves
from cu_core.figures.similarity_panes import COSINES
from cu_core.figures.theme import chart_text
from cu_core.metrics.centroids import class_similarity, own_centroid_cosines
from cu_core.runstore.reader import RunView


def signal_of(view: RunView, name: str, number: int | None, seed: int | None = None) -> np.ndarray | None:
    """A recorded (n,) signal of a round, or of a reference where the number is None; None where it was not recorded.

    Of ``top3`` the first column is taken.
    """
    array = recorded_array(view, name, number, seed)
    return array[:, 0] if array is not None and array.ndim == 2 else array


def cosine_of(view: RunView, chosen: str, number: int | None, seed: int | None = None) -> np.ndarray | None:
    """(n,) one of `COSINES` in a round, or in the reference of a seed; None where it was not recorded."""
    array = recorded_array(view, COSINES[chosen].array, number, seed)
    if array is not None:
        return array.mean(1, dtype=np.float32) if array.ndim == 2 else array
    embedding = recorded_array(view, "embedding", number, seed) if chosen == "centroid" else None
    if embedding is None:
        return None
    # Runs of earlier versions kept the embeddings only.
    probe = view.probe()
    return own_centroid_cosines(embedding, probe["label"].to_numpy(), (probe["group"] == "retain").to_numpy())


def class_cosines_of(
    view: RunView,
    which: str,
    number: int | None,
    seed: int | None = None,
    *,
    classes: int,
    only: tuple[int, ...] | None = None,
) -> np.ndarray | None:
    """Mean cosine of a group's classes to the retained classes; None where no embedding was recorded.

    Args:
        view: the run.
        which: ``"forget"`` or ``"unseen"``.
        number: of the round; None for a reference.
        seed: of the reference.
        classes: how many there are.
        only: rows of the probe that count in the group; the retained classes stay whole.
    """
    embedding = recorded_array(view, "embedding", number, seed)
    if embedding is None:
        return None
    probe = view.probe()
    labels, groups, rule = (probe[name].to_numpy() for name in ("label", "group", "rule"))
    sides = [(groups == side) & ~rule for side in (which, "retain")]
    if only is not None:
        sides[0] &= np.isin(np.arange(len(groups)), only)
    first, second = ((embedding[side], labels[side]) for side in sides)
    return class_similarity(*first, *second, classes)


def curves_of(view: RunView, label: str) -> RunCurves | None:
    """What the curves of metrics over rounds need of a run; None before its first round."""
    rounds = view.rounds()
    if not rounds:
        return None
    references = [view.reference_manifest(seed) for seed in view.references()]
    kind = objective(view.spec.train.objective).kind
    return RunCurves.from_manifests(chart_text(label), [view.manifest(k) for k in rounds], references, kind)
