"""Forget sets of one sample of each of some pairs, while the other one of each pair stays."""

from __future__ import annotations

from functools import partial

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, whole_number
from cu_core.data.images import ImageData
from cu_core.data.sampling import FORGET, stream


def pairs_of(names: list[str]) -> np.ndarray:
    """(k, 2) int64 sorted: samples whose names are alike up to the last slash, where exactly two of them are."""
    stems = [name.rpartition("/")[0] for name in names]
    kinds, counts = np.unique(stems, return_inverse=True, return_counts=True)[1:]
    double = (counts == 2)[kinds] & np.array([stem != "" for stem in stems])
    places = np.flatnonzero(double)
    return places[np.argsort(kinds[places], kind="stable")].reshape(-1, 2)


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    names = data.names("train")
    pairs = pairs_of(names) if names else np.empty((0, 2), np.int64)
    # In the order of their samples, which does not depend on how names are sorted.
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    if (count := int(values[0])) > len(pairs):
        raise BadInput(
            FIELD,
            f"the dataset has {len(pairs):,} pairs of training samples whose names are alike up to the last slash, as "
            "those of emoji are",
            [f"one-of-two:1 to {len(pairs)}"] if len(pairs) else ["random:100"],
        )
    generator = stream(draw.seed, FORGET)
    chosen = pairs[generator.permutation(len(pairs))[:count]]
    return Chosen(np.sort(chosen[np.arange(count), generator.integers(0, 2, count)]))


ONE_OF_TWO = ForgetKind(
    "one-of-two",
    "One of two drawings",
    "Of so many pairs, such as both drawings of an emoji, one sample each, while the other stays: deleting a row does "
    "not delete what another row says as well.",
    ("one-of-two:50",),
    _choose,
    partial(whole_number, "one-of-two"),
    inputs=(Input("pairs", "Number of pairs", "number", 50, step=10),),
    count=lambda values, known: int(values[0]),
    drawn=True,
)
