"""From embeddings of several rounds to one picture: projections, and numbers that say how far to trust them."""

from __future__ import annotations

from cu_core.catalogue.projection_record import PROJECTIONS, Projection

PROJECTIONS.add(
    Projection(
        "reference-map",
        "Map",
        "UMAP of embeddings of all rounds; what did not move stays to the last bit, and later rounds are placed on it.",
        "Map axis {} (no unit)",
    ),
    Projection(
        "principal",
        "Principal axes of round 0",
        "The directions in which round 0 varies most.",
        "Principal axis {}",
        linear=True,
    ),
    Projection(
        "discriminant",
        "Discriminant axes of round 0",
        "The directions that tell the classes of round 0 apart best.",
        "Discriminant axis {}",
        linear=True,
    ),
    Projection(
        "umap-per-round",
        "UMAP, each round by itself",
        "What most tools show; rounds cannot be compared.",
        "UMAP {} (no unit)",
        place_rounds="cu_core.projections.umap_per_round:place_rounds",
        warning=(
            "Every round is fitted by itself, so places in different rounds cannot be compared. Measured: samples "
            "that did not move at all are drawn 71 % of the picture's radius away in the next round, and plotted "
            "movement says next to nothing about true movement (rank correlation 0.07)."
        ),
    ),
    Projection(
        "aligned-umap",
        "AlignedUMAP",
        "One UMAP per round, held together by a penalty on every sample's movement.",
        "AlignedUMAP {} (no unit)",
        place_rounds="cu_core.projections.aligned_umap:place_rounds",
        warning=(
            "Movement is penalised, and that of whole classes is hidden. Measured: forgotten digits that moved by 136 "
            "% of the radius in the full space are drawn moving by 9 %; samples that did not move at all are drawn "
            "moving 4 % in every round. Useful for the structure within a round only. Slow: all rounds are "
            "laid out at once."
        ),
    ),
    Projection(
        "tsne-per-round",
        "t-SNE, each round by itself",
        "The best neighbourhoods of each round; rounds cannot be compared.",
        "t-SNE {} (no unit)",
        place_rounds="cu_core.projections.tsne_per_round:place_rounds",
        warning=(
            "Every round is fitted by itself, so places in different rounds cannot be compared. Measured: neighbours "
            "within a round are kept best of all methods (trustworthiness 0.99), but samples that did not move at all "
            "are drawn 52 % of the picture's radius away in the next round, and plotted movement says next to nothing "
            "about true movement (rank correlation 0.10)."
        ),
    ),
    Projection(
        "tsne-first-round",
        "t-SNE of round 0, later rounds placed on it",
        "What stays stays, but what leaves snaps to another cluster.",
        "t-SNE {} (no unit)",
        place_rounds="cu_core.projections.tsne_first_round:place_rounds",
        warning=(
            "Later rounds are placed on a picture of round 0. What stays is drawn staying, but what leaves jumps from "
            "one cluster to another. Measured: samples that went their way in nine equal steps are drawn going 88 % "
            "of it in a single one. This looks like sudden forgetting where there was none."
        ),
    ),
)
