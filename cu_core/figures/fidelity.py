"""What the fidelity numbers of a picture mean, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD = 0.95
FAIR = 0.85
"""Below `GOOD` single neighbours need care, below `FAIR` neighbourhoods cannot be read; conventions of this
app, not significance levels."""

MOST_VARIANCE = 0.8
"""Share of the variance from which distances on the two axes resemble those in full space."""


@dataclass(frozen=True)
class Fidelity:
    """How far a picture can be trusted.

    Attributes:
        name: the round or reference it belongs to.
        trustworthiness: share-like 0..1, are plotted neighbours true neighbours; None if not computable.
        continuity: are true neighbours plotted near.
        explained_variance: share of the variance of round 0 on the two axes.
        neighbours: size of the neighbourhoods compared.
        samples: how many samples were compared.
    """

    name: str
    trustworthiness: float | None
    continuity: float | None
    explained_variance: float | None
    neighbours: int
    samples: int | None

    @classmethod
    def of(cls, name: str, manifest: Mapping[str, Any]) -> Fidelity:
        """Reads the numbers of one manifest."""
        numbers = manifest.get("fidelity", {})
        samples = numbers.get("samples")
        return cls(
            name,
            numbers.get("trustworthiness"),
            numbers.get("continuity"),
            numbers.get("explained_variance"),
            int(numbers.get("neighbours", 15)),
            None if samples is None else int(samples),
        )

    @property
    def lowest(self) -> float | None:
        """The smaller of trustworthiness and continuity; None where neither is known."""
        known = [v for v in (self.trustworthiness, self.continuity) if v is not None]
        return min(known) if known else None

    @property
    def level(self) -> str:
        """``"good"``, ``"fair"``, ``"poor"`` or ``"unknown"``."""
        if self.lowest is None:
            return "unknown"
        return "good" if self.lowest >= GOOD else "fair" if self.lowest >= FAIR else "poor"

    def words(self) -> str:
        """What a reader may and may not conclude from the picture."""
        if self.lowest is None:
            return "Too few samples to tell how faithful this picture is."
        near = {
            "good": "Samples drawn close together are close together in the full space, and the other way round.",
            "fair": "Neighbourhoods are mostly right; do not conclude anything from single neighbours.",
            "poor": "Neighbourhoods in this picture are unreliable: samples drawn side by side may be far apart.",
        }[self.level]
        if self.explained_variance is None:
            return near
        share = f"The two axes hold {self.explained_variance:.0%} of the variance of round 0"
        if self.level != "poor" and self.explained_variance >= MOST_VARIANCE:
            return f"{near} {share}, so distances roughly hold."
        return f"{near} {share}: do not read distances here, use the full-space numbers below."


def worst(items: Sequence[Fidelity]) -> Fidelity | None:
    """The one with the lowest trustworthiness or continuity; None where no number is known."""
    known = [item for item in items if item.lowest is not None]
    return min(known, key=lambda item: item.lowest or 0.0) if known else None


def tsne_words(still_step: float, self_neighbours: float) -> str:
    """What a joint t-SNE over several moments does not show.

    Args:
        still_step: how far the quarter of the samples that moved least is drawn apart between the first and the last
            round, as a share of the picture's radius.
        self_neighbours: share of the nearest neighbours in the fit that are the same sample at another moment.
    """
    return (
        "t-SNE keeps neighbours. Distances between islands, their sizes and the density inside them mean nothing, and "
        "a path between two rounds is not the way that a sample took. Outputs that stay exactly equal are drawn at "
        "one place; those that stay nearly equal are not: the quarter of the samples whose outputs moved least is "
        f"drawn {still_step:.1%} of the picture's radius apart (median) between the first and the last round. Smaller "
        f"steps than that are no movement. Of the nearest neighbours in the fit, {self_neighbours:.1%} are the same "
        "sample at another moment; were it most of them, the picture would show identities instead of neighbourhoods."
    )


def residual_words(residual: float) -> str:
    """What the Procrustes residual of a reference says about comparing it with round 0."""
    return (
        f"The reference was trained from scratch and has an embedding space of its own. It is shown after the best "
        f"rotation onto round 0 over retain samples, which leaves {residual:.0%} of their spread unexplained "
        "(Procrustes residual; 0% would be the same space, 100% or more an unrelated one)."
    )
