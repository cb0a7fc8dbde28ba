"""The list of drift measures that every round reports, with their titles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DriftMeasure:
    """One number of a group of samples in a round.

    Attributes:
        id: key in a manifest's ``drift``.
        title: heading of its pane.
        axis: title of its axis, with the unit and what an end of it means.
        summary: one or two sentences for people who have not read the documentation.
        still: the value of samples that did not move at all; None where that depends on the sample.
        spread: whether each sample has a value, so that there are quantiles.
        motion: whether it compares two models; the others describe one model, and are compared by their levels.
    """

    id: str
    title: str
    axis: str
    summary: str
    still: float | None = None
    spread: bool = True
    motion: bool = True


_ALL = (
    DriftMeasure(
        "cosine",
        "Cosine to own round-0 embedding",
        "Cosine (1 = did not turn)",
        "How far samples turned since round 0.",
        still=1.0,
    ),
    DriftMeasure(
        "euclidean",
        "Distance from own round-0 embedding",
        "Distance (0 = did not move)",
        "How far samples moved since round 0, with the motion that the whole model shares.",
        still=0.0,
    ),
    DriftMeasure(
        "cosine_relative",
        "Cosine relative to own neighbours",
        "Difference (< 0: turned more)",
        "Cosine to own round-0 embedding minus the mean of that of the 15 retain samples that were nearest in round 0.",
        still=0.0,
    ),
    DriftMeasure(
        "relative",
        "Motion relative to own neighbours",
        "Share of the retained spread",
        "Displacement minus the mean displacement of the 15 retain samples that were nearest in round 0, in units of "
        "how widely the retain samples were spread then. 0 means: moved exactly as its surroundings did.",
        still=0.0,
    ),
    DriftMeasure(
        "own_centroid",
        "Distance to own class",
        "Distance to its centroid",
        "Distance to the mean of the retain samples with the same label in this round, itself left out. Of a class "
        "without retain samples, to the mean of its forget samples.",
        motion=False,
    ),
    DriftMeasure(
        "other_centroid",
        "Distance to the nearest other class",
        "Distance to its centroid",
        "Distance to the nearest mean of the retain samples of another class in this round.",
        motion=False,
    ),
    DriftMeasure(
        "boundary",
        "Distance to the decision boundary",
        "Distance (> 0: own side)",
        "Signed distance to the plane between the label and the strongest other class, under this round's model.",
        motion=False,
    ),
    DriftMeasure(
        "neighbours_changed",
        "Neighbours of another class than before",
        "Share of samples",
        "Share of samples whose 15 nearest retain samples are mostly of another class than in round 0.",
        still=0.0,
        spread=False,
    ),
    DriftMeasure(
        "cka",
        "Linear CKA to round 0",
        "CKA (1 = unchanged)",
        "How much of the arrangement of the group's samples is left, whatever rotation or scale.",
        still=1.0,
        spread=False,
    ),
)

MEASURES: dict[str, DriftMeasure] = {measure.id: measure for measure in _ALL}
"""All measures by id, in the order in which they are listed."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of which quantiles are recorded, in this order."""

NEIGHBOURS = 15
"""Nearest retain samples that make a sample's surroundings."""
